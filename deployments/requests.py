"""For an operator: which requests and Stripe events have not come to their end, and to take one up again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row, tuple_row

from nodes.errors import CancelflowError, DatabaseUnavailable
from nodes.settings import DatabaseSettings
from sql import QUERIES

CONNECT_TIMEOUT_SECONDS = 5
_RESUME = (QUERIES["resume_request"], QUERIES["resume_reactivation"], QUERIES["resume_stripe_event"])


class NothingToResume(CancelflowError):
    """Nothing has that id, or it was refused and its caller told so, or it is handled."""


@dataclass(frozen=True)
class Unfinished:
    """What waits its turn at `resume_at`, or for a person: it failed, or was tried for hours and parked.

    `work`: a cancellation, a reactivation or a Stripe event. `point`: how far it came; of an event, what it is about.
    `problem`: why the last try failed.
    """

    work: str
    id: str
    subscription_id: str | None
    point: str
    outcome: str | None
    runs: int
    problem: str | None
    received_at: datetime
    resume_at: datetime | None
    parked_at: datetime | None
    urgent: bool

    @property
    def stuck(self) -> bool:
        """Whether a person has to look: parked, or what was paid for runs out while Stripe has not taken it."""
        return self.parked_at is not None or (self.urgent and self.runs > 0)

    def line(self) -> str:
        """For the terminal: ids only."""
        waits = self.resume_at is None or self.parked_at is not None
        turn = "waits for a person" if waits else f"next at {_moment(self.resume_at)}"
        state = "parked" if self.parked_at else "urgent" if self.urgent and self.runs else self.outcome or "unfinished"
        return (
            f"{self.work:12}  {self.id:36}  {self.subscription_id or '-':30} {state:22} {self.point:23} "
            f"runs {self.runs}  {turn}"
        )

    def advice(self) -> str:
        """For who has to look: since when, why, and what to do."""
        since = f"parked since {_moment(self.parked_at)}" if self.parked_at else "what was paid for runs out"
        why = self.problem or "not recorded: see its runs in the Prefect UI"
        asked = f"came {_moment(self.received_at)}"
        return f"    {since}; {asked}; why: {why}; once that is mended: cancelflow resume {self.id}"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def unfinished(settings: DatabaseSettings) -> list[Unfinished]:
    """All of them, oldest first. Needs the owner's connection; raises `DatabaseUnavailable`."""
    with _connected(settings) as connection, connection.cursor(row_factory=class_row(Unfinished)) as cursor:
        return cursor.execute(QUERIES["requests_without_end"]).fetchall()


def resume(settings: DatabaseSettings, identifier: UUID | str) -> None:
    """Let the next look of any trigger take it up; raises `NothingToResume`."""
    with _connected(settings) as connection:
        try:
            found = any(connection.execute(query, {"id": str(identifier)}).fetchone() for query in _RESUME)
        except psycopg.errors.UniqueViolation:
            raise NothingToResume("another request for its subscription is under way: resume it after that") from None
        if not found:
            raise NothingToResume(
                f"nothing called {identifier} can be taken up: it does not exist, or it was refused or handled"
            )


@contextmanager
def _connected(settings: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(
            settings.admin_url, connect_timeout=CONNECT_TIMEOUT_SECONDS, row_factory=tuple_row
        ) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"PostgreSQL is not reachable ({type(error).__name__})") from None
