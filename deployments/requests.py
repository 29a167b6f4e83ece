"""For an operator: which requests have not come to their end, and to take one up again."""

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


class NothingToResume(CancelflowError):
    """No request has that id, or it was refused and its caller told so."""


@dataclass(frozen=True)
class Unfinished:
    """A request that waits its turn at `resume_at`, or for a person: it failed, or was tried for hours and parked."""

    id: UUID
    user_id: UUID
    subscription_id: str | None
    recovery_point: str
    outcome: str | None
    runs: int
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
        turn = "waits for a person" if waits else f"next at {self.resume_at:%Y-%m-%d %H:%M:%S %Z}"
        state = "parked" if self.parked_at else "urgent" if self.urgent and self.runs else self.outcome or "unfinished"
        return (
            f"{self.id}  {self.subscription_id or '-':30} {state:22} {self.recovery_point:23} runs {self.runs}  {turn}"
        )


def unfinished(settings: DatabaseSettings) -> list[Unfinished]:
    """Every such request, oldest first. Needs the owner's connection; raises `DatabaseUnavailable`."""
    with _connected(settings) as connection, connection.cursor(row_factory=class_row(Unfinished)) as cursor:
        return cursor.execute(QUERIES["requests_without_end"]).fetchall()


def resume(settings: DatabaseSettings, request_id: UUID) -> None:
    """Let the next look of any trigger take it up; raises `NothingToResume`."""
    with _connected(settings) as connection:
        try:
            found = connection.execute(QUERIES["resume_request"], {"request_id": request_id}).fetchone()
        except psycopg.errors.UniqueViolation:
            raise NothingToResume("another request for its subscription is under way: resume it after that") from None
        if found is None:
            raise NothingToResume(f"no request {request_id} can be taken up: it does not exist, or it was refused")


@contextmanager
def _connected(settings: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(
            settings.admin_url, connect_timeout=CONNECT_TIMEOUT_SECONDS, row_factory=tuple_row
        ) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"PostgreSQL is not reachable ({type(error).__name__})") from None
