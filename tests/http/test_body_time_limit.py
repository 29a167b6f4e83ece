"""A body that stops half-way, over a real connection: 408, the connection closed, and nothing done."""

import asyncio
import json
import os
import select
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.http import body_time_limit
from deployments.http.app import create_app
from deployments.http.serve import server_of
from nodes.settings import TriggerSettings, load
from tests.waiting import AT_MOST_SECONDS
from tests.world import World

LIMIT_SECONDS = 0.3
HALF = b'{"user_id": "'
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Received:
    """The bytes a client read from its connection until the server closed it."""

    raw: bytes

    @property
    def head(self) -> list[str]:
        return self.raw.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")

    @property
    def body(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[2].decode()


def _stall(port: int, path: str, media_type: str, token: str | None, *, drip: bool) -> Received:
    """Announce a body of 1,000 bytes and send a few; with `drip` keep sending single bytes until there is a response.

    Fails if the server does not close the connection.
    """
    head = f"POST {path} HTTP/1.1\r\nHost: trigger\r\nContent-Type: {media_type}\r\nContent-Length: 1000\r\n"
    head += f"Authorization: {token}\r\n\r\n" if token else "\r\n"
    raw = b""
    with socket.create_connection(("127.0.0.1", port), timeout=AT_MOST_SECONDS) as connection:
        connection.sendall(head.encode() + HALF)
        # A byte that crosses the response resets the connection; what was received before can still be read.
        with suppress(*([ConnectionError] if drip else [])):
            while drip and not select.select([connection], [], [], LIMIT_SECONDS / 10)[0]:
                connection.sendall(b" ")
        with suppress(*([ConnectionError] if drip else [])):
            while data := connection.recv(65536):
                raw += data
    return Received(raw)


async def _stalls(calls: dict[str, dict[str, Any]]) -> dict[str, Received]:
    """Make all these calls concurrently to a trigger with a short limit."""
    settings = load(TriggerSettings).model_copy(update={"http_port": 0})
    server = server_of(create_app(settings), settings)
    # Prefect read the environment when it was imported, and would start its own server.
    with temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}):
        serving = asyncio.create_task(server.serve())
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.01)
        [listener] = server.servers
        port = listener.sockets[0].getsockname()[1]
        found = await asyncio.gather(*(asyncio.to_thread(_stall, port, **call) for call in calls.values()))
        server.should_exit = True
        await serving
    return dict(zip(calls, found, strict=True))


@pytest.fixture(scope="module")
def caller(world: World) -> tuple[str, str]:
    """Return a user id and a token for it."""
    user_id = str(uuid4())
    return user_id, world.headers(user_id)["Authorization"]


@pytest.fixture(scope="module")
def received(caller: tuple[str, str]) -> dict[str, Received]:
    _, token = caller
    calls: dict[str, dict[str, Any]] = {
        "cancel": {"path": "/cancel-subscription", "media_type": JSON, "token": token, "drip": False},
        "drip": {"path": "/cancel-subscription", "media_type": JSON, "token": token, "drip": True},
        "reactivate": {"path": "/reactivate-subscription", "media_type": JSON, "token": token, "drip": False},
        "webhook": {"path": "/webhooks/stripe", "media_type": JSON, "token": None, "drip": False},
        "form": {"path": "/feedback", "media_type": FORM, "token": None, "drip": False},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body_time_limit, "BODY_SECONDS", LIMIT_SECONDS)
        return asyncio.run(_stalls(calls))


@pytest.mark.parametrize("name", ["cancel", "drip", "reactivate", "webhook"])
def test_an_incomplete_body_gets_408_and_the_connection_is_closed(received: dict[str, Received], name: str) -> None:
    head, problem = received[name].head, json.loads(received[name].body)
    assert head[0] == "http/1.1 408 request timeout"
    assert {"connection: close", "content-type: application/problem+json"} <= set(head)
    assert problem["type"] == "urn:cancelflow:problem:body-too-slow"
    assert problem["detail"] == "The body did not arrive in time. Nothing was changed: send the request again"


def test_an_incomplete_form_gets_a_page(received: dict[str, Received]) -> None:
    head = received["form"].head
    assert head[0] == "http/1.1 408 request timeout"
    assert {"connection: close", "content-type: text/html; charset=utf-8"} <= set(head)
    assert "<h1>Your page did not reach us in time</h1>" in received["form"].body


def test_only_the_attempt_is_recorded(world: World, caller: tuple[str, str], received: dict[str, Received]) -> None:
    assert received
    user_id, _ = caller
    tables = {table: rows for table, rows in world.belongings(user_id).items() if rows}
    assert set(tables) == {"attempts", "audit_log"}
    tried = sorted((row["action"], row["http_status"], row["problem"]) for row in tables["audit_log"])
    cancelled, reactivated = (
        ("cancel_subscription", 408, "body-too-slow"),
        ("reactivate_subscription", 408, "body-too-slow"),
    )
    assert tried == [cancelled, cancelled, reactivated]
