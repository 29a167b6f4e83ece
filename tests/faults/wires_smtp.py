"""SMTP on a wire: an effect is the end of an email, after which the server has accepted it."""

import re
from collections.abc import Iterator

from tests.faults.wires_dialogue import Dialogue

_END_OF_EMAIL = b"\r\n.\r\n"
_REPLY = re.compile(rb"(?:\d{3}-[^\n]*\n)*\d{3}[ \r][^\n]*\n")  # "250-…" continues, "250 …" is the last line


class Smtp(Dialogue):
    """Lines, and after DATA an email."""

    def __init__(self) -> None:
        self._outgoing = self._incoming = b""
        self._in_email = False

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, str | None]]:
        self._outgoing += data
        while True:
            end = _END_OF_EMAIL if self._in_email else b"\r\n"
            piece, found, rest = self._outgoing.partition(end)
            if not found:
                return
            self._outgoing, whole, label = rest, piece + found, "email" if self._in_email else None
            self._in_email = not self._in_email and whole.strip().upper() == b"DATA"
            yield whole, label

    def incoming(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        self._incoming += data
        while reply := _REPLY.match(self._incoming):
            self._incoming = self._incoming[reply.end() :]
            yield reply[0], True
