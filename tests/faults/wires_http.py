"""HTTP/1.1 on a wire: an effect is any call except a GET, named by its method and path."""

import re
from collections.abc import Iterator

from tests.faults.wires_dialogue import Dialogue

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_IDENTIFIER = re.compile(r"/(?=\w*\d)[a-z_]+_\w{8,}")  # sub_1a2b…, not subscription_schedules


class Http(Dialogue):
    """Sequential calls on a connection, each with its length."""

    def __init__(self) -> None:
        self._outgoing = self._incoming = b""

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, str | None]]:
        self._outgoing += data
        while message := _whole(self._outgoing):
            self._outgoing = self._outgoing[len(message) :]
            method, path = message.split(b" ", 2)[:2]
            label = f"{method.decode()} {_IDENTIFIER.sub('/{id}', path.decode().partition('?')[0])}"
            yield message, None if method == b"GET" else label

    def incoming(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        self._incoming += data
        while message := _whole(self._incoming):
            self._incoming = self._incoming[len(message) :]
            yield message, True


def _whole(received: bytes) -> bytes:
    """Return the first message when it is complete."""
    head, found, _ = received.partition(_END)
    length = _LENGTH.search(head)
    end = len(head) + len(_END) + (int(length[1]) if length else 0)
    return received[:end] if found and len(received) >= end else b""
