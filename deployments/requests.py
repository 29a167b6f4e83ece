"""For an operator: the requests and Stripe events that are unfinished or need attention, and what to do about one."""

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
# All of them, in this order: a refused request is picked up only if it has an email to send.
_RESUME = (
    QUERIES["send_undeliverable_again"],
    QUERIES["resume_request"],
    QUERIES["resume_reactivation"],
    QUERIES["resume_stripe_event"],
)
_WHY_UNDELIVERABLE = {
    "no-address": "the customer has no email address",
    "address-malformed": "the customer's email address is malformed",
    "refused-by-mail-server": "the mail server refused it for good",
}


class NothingToResume(CancelflowError):
    """Nothing has that id, or it was refused and its caller told so, or it is handled."""


class NothingToDismiss(CancelflowError):
    """Nothing with that id has an email that can never be delivered."""


@dataclass(frozen=True)
class Unfinished:
    """What is picked up at `resume_at`, or needs attention: it failed, was tried for hours, or cannot be emailed.

    `work`: a cancellation, a reactivation, a subscription's end or a Stripe event. `point`: the step reached; of an
    event, what it is about; of what is `undeliverable`, the emails. `problem`: why the last try failed.
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
    undeliverable: bool

    @property
    def stuck(self) -> bool:
        """Return whether it needs attention: parked, undeliverable, or not in Stripe while the paid period runs out."""
        return self.parked_at is not None or self.undeliverable or (self.urgent and self.runs > 0)

    def line(self) -> str:
        """For the terminal: ids only."""
        waits = self.resume_at is None or self.parked_at is not None
        turn = "waits for a person" if waits else f"next at {_moment(self.resume_at)}"
        return (
            f"{self.work:12}  {self.id:36}  {self.subscription_id or '-':30} {self._state:22} {self.point:23} "
            f"runs {self.runs}  {turn}"
        )

    @property
    def _state(self) -> str:
        if self.undeliverable:
            return "undeliverable"
        return "parked" if self.parked_at else "urgent" if self.urgent and self.runs else self.outcome or "unfinished"

    def advice(self) -> str:
        """Return since when, why, and what to do."""
        if self.undeliverable:
            why = _WHY_UNDELIVERABLE[self.problem or ""]
            return (
                f"    {why}; since {_moment(self.received_at)}; correct the address, then: cancelflow resume {self.id}"
                f"; where the customer cannot be reached: cancelflow dismiss {self.id}"
            )
        since = f"parked since {_moment(self.parked_at)}" if self.parked_at else "what was paid for runs out"
        why = self.problem or "not recorded: see its runs in the Prefect UI"
        asked = f"came {_moment(self.received_at)}"
        return f"    {since}; {asked}; why: {why}; once that is mended: cancelflow resume {self.id}"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def unfinished(settings: DatabaseSettings) -> list[Unfinished]:
    """Return all of them, oldest first. Needs the owner's connection; raises `DatabaseUnavailable`."""
    with _connected(settings) as connection, connection.cursor(row_factory=class_row(Unfinished)) as cursor:
        return cursor.execute(QUERIES["requests_without_end"]).fetchall()


def resume(settings: DatabaseSettings, identifier: UUID | str) -> None:
    """Let the next look of any trigger pick it up; raises `NothingToResume`."""
    with _connected(settings) as connection:
        try:
            found = [query for query in _RESUME if connection.execute(query, {"id": str(identifier)}).fetchone()]
        except psycopg.errors.UniqueViolation:
            raise NothingToResume("another request for its subscription is under way: resume it after that") from None
        if not found:
            raise NothingToResume(
                f"nothing called {identifier} can be taken up: it does not exist, or it was refused or handled"
            )


def dismiss(settings: DatabaseSettings, identifier: UUID | str) -> None:
    """List its undeliverable emails no longer; raises `NothingToDismiss`."""
    with _connected(settings) as connection:
        if not connection.execute(QUERIES["dismiss_undeliverable"], {"id": str(identifier)}).fetchone():
            raise NothingToDismiss(f"nothing called {identifier} has an email that cannot be delivered")


@contextmanager
def _connected(settings: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(
            settings.admin_url, connect_timeout=CONNECT_TIMEOUT_SECONDS, row_factory=tuple_row
        ) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"PostgreSQL is not reachable ({type(error).__name__})") from None
