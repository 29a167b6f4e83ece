"""The interface of the checks: parts and their findings."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """A finding's severity."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """The result of one check: what was found and, unless it is ok, what to do.

    `of_settings`: a setting is missing or wrong. `secret`: a new secret, shown once, below the table.
    """

    level: Level
    check: str
    found: str
    to_do: str = ""
    of_settings: bool = False
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Progress:
    """The progress of a slow check."""

    text: str


Findings = AsyncIterator[Finding | Progress]


@dataclass(frozen=True)
class Part:
    """A part that is checked independently of the others.

    `examine` yields findings as it goes, and raises a `CancelflowError` where it cannot continue. `advice`: what to do
    then. `seconds`: time limit of the part.
    """

    name: str
    advice: str
    examine: Callable[[], Findings]
    seconds: float = 15.0


def ok(check: str, found: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(Level.OK, check, found)


def warning(check: str, found: str, to_do: str) -> Finding:
    """Return a finding about something that works, but not as it should."""
    return Finding(Level.WARNING, check, found, to_do)


def failed(check: str, found: str, to_do: str) -> Finding:
    """Return a finding that must be fixed before the first customer."""
    return Finding(Level.FAILED, check, found, to_do)
