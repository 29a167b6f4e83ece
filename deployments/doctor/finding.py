"""What a check finds, and what a part is: the one interface that every module here has."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """The result of one check: what was found, and what to do unless it is ok.

    `of_settings`: a setting is missing or wrong. `secret`: shown once, apart from the table.
    """

    level: Level
    check: str
    found: str
    to_do: str = ""
    of_settings: bool = False
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Progress:
    """How far a check has come that takes long."""

    text: str


Findings = AsyncIterator[Finding | Progress]


@dataclass(frozen=True)
class Part:
    """Something that is checked by itself, while the other parts are.

    `examine` yields findings as it makes them, and raises an error of ours where it cannot go on. `advice`: what to do
    then. `seconds`: what is not found by then is not waited for.
    """

    name: str
    advice: str
    examine: Callable[[], Findings]
    seconds: float = 15.0


def ok(check: str, found: str) -> Finding:
    """Return that all is well."""
    return Finding(Level.OK, check, found)


def warning(check: str, found: str, to_do: str) -> Finding:
    """Return what works, but not as it should."""
    return Finding(Level.WARNING, check, found, to_do)


def failed(check: str, found: str, to_do: str) -> Finding:
    """Return what must be mended before the first customer."""
    return Finding(Level.FAILED, check, found, to_do)
