"""Requests sent at the same time: every connection is open before the first byte is written."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.world import Person

RESPONSE_SECONDS = 300.0  # far above the promised time, so that a late response shows as late and not as missing


@dataclass(frozen=True)
class Shot:
    """One POST /cancel-subscription."""

    url: str
    person: Person
    body: dict[str, Any]
    key: str | None = None

    def as_bytes(self) -> bytes:
        content = json.dumps({"user_id": self.person.user_id, **self.body}).encode()
        headers = {
            **self.person.headers,
            "Host": urlsplit(self.url).netloc,
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Connection": "close",
            **({"Idempotency-Key": self.key} if self.key else {}),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST /cancel-subscription HTTP/1.1\r\n{lines}\r\n".encode() + content


@dataclass(frozen=True)
class Result:
    """The result; `response` is None if the connection broke or nothing came."""

    shot: Shot
    response: httpx.Response | None
    seconds: float

    @property
    def status(self) -> int:
        return 0 if self.response is None else self.response.status_code


def fire(shots: Sequence[Shot]) -> list[Result]:
    """Return the result of each, in the same order."""
    return asyncio.run(_fire(shots))


async def _fire(shots: Sequence[Shot]) -> list[Result]:
    opened = [await asyncio.open_connection(*_address(shot.url)) for shot in shots]
    emails = [shot.as_bytes() for shot in shots]
    began = time.monotonic()
    for (_, writer), email in zip(opened, emails, strict=True):
        writer.write(email)
    try:
        reading = [_read_result(shot, reader, began) for shot, (reader, _) in zip(shots, opened, strict=True)]
        return await asyncio.gather(*reading)
    finally:
        for _, writer in opened:
            writer.close()


async def _read_result(shot: Shot, reader: asyncio.StreamReader, began: float) -> Result:
    try:
        async with asyncio.timeout(RESPONSE_SECONDS):
            said = await reader.read(-1)
    except (OSError, TimeoutError):
        said = b""
    return Result(shot, _response(said), time.monotonic() - began)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def _response(said: bytes) -> httpx.Response | None:
    """Parse a response; the server closes the connection after it, so all bytes belong to it."""
    head, found, content = said.partition(b"\r\n\r\n")
    if not found:
        return None
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return httpx.Response(int(status.split()[1]), headers=headers, content=content)
