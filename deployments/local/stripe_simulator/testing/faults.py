"""Faults that tests inject: late, wrong or missing responses."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from ..api import Call, Reply
from ..wire import dump

KINDS = ("status", "timeout", "delay", "lost_answer", "refuse", "lie")
_AFTER = ("close", "500", "timeout")
# The type in Stripe's error body, by status; every other status is an `api_error`.
_TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 402: "card_error", 404: "invalid_request_error"}
# The types of a fault's fields; all others are strings.
_ACCEPTED: dict[str, type | tuple[type, ...]] = {
    "times": int,
    "status": int,
    "headers": dict,
    "stored": bool,
    "error": dict,
    "seconds": (int, float),
}


class FaultInvalid(Exception):
    """The fault's definition is invalid; the message says how."""


@dataclass
class Fault:
    """One injected fault: which calls it affects, how often, and how."""

    kind: str
    method: str = "*"
    path: str = ""
    contains: str = ""
    times: int = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    stored: bool = False
    error: dict[str, Any] = field(default_factory=dict)
    seconds: float = 1.0
    after: str = "close"
    id: str = ""
    hits: int = 0

    def meets(self, call: Call) -> bool:
        """Return whether this fault applies to a call."""
        text = call.path + dump(call.pairs).decode()
        return (
            self.method in ("*", call.method)
            and re.search(self.path, call.path) is not None
            and self.contains in text
            and (self.times == 0 or self.hits < self.times)
        )

    def reply(self) -> Reply:
        """Return Stripe's error body for the fault's status."""
        kind = "invalid_request_error" if self.status == 429 else _TYPES.get(self.status, "api_error")
        error = {"type": kind, "message": "An unknown error occurred"}
        if self.status == 429:
            error |= {"code": "rate_limit", "message": "Request rate limit exceeded."}
        return Reply(self.status, dump({"error": error | self.error}), dict(self.headers))

    def reply_instead(self, done: Reply) -> Reply:
        """Return what the client gets instead of an executed call's response: a 500, or nothing (status 0)."""
        if self.after == "500":
            headers = {name: done.headers[name] for name in ("content-type", "request-id") if name in done.headers}
            return Reply(500, self.reply().body, headers | self.headers)
        return Reply(0, b"")


class Faults:
    """The active faults, in memory: a restart clears them."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self._made = 0

    def order(self, given: dict[str, Any]) -> Fault:
        """Add a fault from its JSON; raises `FaultInvalid`."""
        unknown = given.keys() - set(Fault.__dataclass_fields__) | given.keys() & {"id", "hits"}
        if unknown:
            raise FaultInvalid(f"unknown field: {', '.join(sorted(unknown))}")
        if given.get("kind") not in KINDS:
            raise FaultInvalid(f"kind must be one of {', '.join(KINDS)}")
        if given.get("after", "close") not in _AFTER:
            raise FaultInvalid(f"after must be one of {', '.join(_AFTER)}")
        wrong = [name for name, value in given.items() if not isinstance(value, _ACCEPTED.get(name, str))]
        if wrong:
            raise FaultInvalid(f"wrong type: {', '.join(sorted(wrong))}")
        try:
            re.compile(given.get("path", ""))
        except re.error as error:
            raise FaultInvalid(f"path is not a regular expression: {error}") from None
        self._made += 1
        fault = Fault(**given, id=f"fault_{self._made}")
        self.active.append(fault)
        return fault

    def meet(self, call: Call) -> Fault | None:
        """Return the first fault that applies to this call, and count the hit."""
        fault = next((one for one in self.active if one.meets(call)), None)
        if fault:
            fault.hits += 1
            call.fault = fault.kind
        return fault

    def clear(self, identifier: str | None = None) -> None:
        """Remove one fault, or all."""
        self.active = [one for one in self.active if identifier and one.id != identifier]

    def shown(self) -> list[dict[str, Any]]:
        """Return all faults with their hit counts."""
        return [asdict(fault) for fault in self.active]
