"""PostgreSQL's protocol on a wire: an effect is the COMMIT of a transaction that wrote something.

Its name lists the statements that wrote, as named in sql/queries. A statement outside of a transaction is committed by
the Sync that follows it. Scheduling (claiming, renewing a lease) is not the flow's work: those are functions called by
a SELECT, which counts as reading, except for those that receive a request or write to the inbox of Stripe's events.
https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import re
from collections.abc import Iterator

from sql import QUERIES
from tests.faults.wires_dialogue import Dialogue

_WRITES = re.compile(r"(INSERT|UPDATE|DELETE|WITH\b.*\b(INSERT|UPDATE|DELETE))\b", re.DOTALL)
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)
_WRITING = (
    *("receive_cancellation", "receive_reactivation", "receive_change", "refuse_attempt"),
    *("receive_stripe_event", "claim_stripe_event", "put_off_stripe_event", "stripe_event_handled"),
    "begin_call",
)
# Work of anyone: `claim_stripe_events`, not `claim_stripe_event`.
_LOOKS_FOR_WORK = re.compile(rb"\b(claim_\w+s|anything_unfinished)\(")
# The one statement that two nodes share, distinguished by its receipt: only Pub/Sub returns one.
_DELIVERED = "delivered"


class PostgreSQL(Dialogue):
    """One PostgreSQL connection. With `alone`, its client gets no response after asking for work to resume."""

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        self._deaf = False
        self._begun = self._in_transaction = False
        self._outgoing = self._incoming = b""
        self._prepared: dict[bytes, str] = {}
        self._written: list[str] = []

    def outgoing(self, data: bytes) -> Iterator[tuple[bytes, str | None]]:
        self._outgoing += data
        while not self._deaf and (message := self._next_message()):
            label = self._read(message)
            if not self._deaf:
                yield message, label

    def incoming(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        self._incoming += data
        while len(self._incoming) >= 5:
            end = 1 + int.from_bytes(self._incoming[1:5])
            if len(self._incoming) < end:
                return
            message, self._incoming = self._incoming[:end], self._incoming[end:]
            yield message, message[:1] == b"Z"  # ready for the next query

    def _next_message(self) -> bytes:
        kind = 1 if self._begun else 0  # the first message of a connection has a length and no kind
        if len(self._outgoing) < kind + 4:
            return b""
        end = kind + int.from_bytes(self._outgoing[kind : kind + 4])
        if len(self._outgoing) < end:
            return b""
        message, self._outgoing = self._outgoing[:end], self._outgoing[end:]
        self._begun = True
        return message

    def _read(self, message: bytes) -> str | None:
        kind, body = message[:1], message[5:]
        if kind == b"Q":
            return self._query(body.rstrip(b"\0").decode())
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self._prepared[name] = text.decode()
            self._deaf = self._alone and _LOOKS_FOR_WORK.search(text) is not None
        if kind == b"B":
            _, name, rest = body.split(b"\0", 2)
            self._statement(self._prepared.get(name, ""), rest)
        if kind == b"S" and not self._in_transaction:
            return self._committed()
        return None

    def _query(self, text: str) -> str | None:
        if text == "COMMIT":
            self._in_transaction = False
            return self._committed()
        if text.startswith(("BEGIN", "ROLLBACK")):
            self._in_transaction = text.startswith("BEGIN")
            self._written = []
        else:
            self._statement(text, b"")
        return None

    def _committed(self) -> str | None:
        label = ", ".join(dict.fromkeys(self._written))
        self._written = []
        return label or None

    def _statement(self, text: str, parameters: bytes) -> None:
        plain = _COMMENT.sub("", text).strip()
        known = _NAMES.get(plain)
        if _WRITES.match(plain) or known in _WRITING:
            name = known or " ".join(plain.split()[:3])
            if name == _DELIVERED:
                name += " (email)" if _is_null(parameters, 0) else " (event)"
            self._written.append(name)


def _is_null(bound: bytes, which: int) -> bool:
    """Return whether a parameter of a Bind message, given from its formats on, is NULL."""
    at = 2 + 2 * int.from_bytes(bound[:2]) + 2
    for _ in range(which):
        at += 4 + max(0, int.from_bytes(bound[at : at + 4], signed=True))
    return int.from_bytes(bound[at : at + 4], signed=True) == -1


def _as_sent(text: str) -> str:
    """Return the query with `%(name)s` numbered as psycopg does."""
    numbers: dict[str, int] = {}
    numbered = re.sub(r"%\((\w+)\)s", lambda m: f"${numbers.setdefault(m[1], len(numbers) + 1)}", text)
    return _COMMENT.sub("", numbered).strip()


_NAMES = {_as_sent(text): name for name, text in QUERIES.items()}
