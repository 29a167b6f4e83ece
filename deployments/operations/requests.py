"""Operator commands for unfinished requests, Stripe events and calls, and those that need attention."""

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
from sql import KINDS, QUERIES

CONNECT_TIMEOUT_SECONDS = 5
# All are run, in this order: a refused request is resumed only if it has an email to send.
_RESUME = (
    QUERIES["send_undeliverable_again"],
    *(QUERIES[f"resume_{kind}"] for kind in KINDS),
    QUERIES["resume_stripe_event"],
    QUERIES["resume_call"],
)
_WHY_UNDELIVERABLE = {
    "no-address": "the customer has no email address",
    "address-malformed": "the customer's email address is malformed",
    "refused-by-mail-server": "the mail server refused it permanently",
}


class NothingToResume(CancelflowError):
    """The id is unknown, or its request was refused, or its event was handled."""


class NothingToDismiss(CancelflowError):
    """The id has no undeliverable email."""


@dataclass(frozen=True)
class Unfinished:
    """Unfinished work, due at `resume_at` or needing attention: it failed, was parked, or has undeliverable emails.

    `work`: a cancellation, a reactivation, a subscription's end, a Stripe event or a call. `point`: the step reached;
    for an event, the kind of change; if `undeliverable`, the emails. `problem`: why the last try failed. `by_hand`: a
    person does it in Stripe. `renewed`: the subscription has renewed since the customer asked to cancel.
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
    by_hand: bool
    renewed: bool

    @property
    def stuck(self) -> bool:
        """Return whether it needs attention: parked, undeliverable, or not in Stripe and the paid period ends soon."""
        return self.parked_at is not None or self.undeliverable or (self.urgent and self.runs > 0)

    def line(self) -> str:
        """Return a line for the terminal, with ids only."""
        waits = self.resume_at is None or self.parked_at is not None
        turn = "needs attention" if waits else f"next at {_moment(self.resume_at)}"
        return (
            f"{self.work:12}  {self.id:36}  {self.subscription_id or '-':30} {self._state:22} {self.point:23} "
            f"runs {self.runs}  {turn}"
        )

    @property
    def _state(self) -> str:
        if self.undeliverable:
            return "undeliverable"
        if self.by_hand and self.outcome is None:
            return "by hand"
        return "parked" if self.parked_at else "urgent" if self.urgent and self.runs else self.outcome or "unfinished"

    def advice(self) -> str:
        """Return the reason, its time, and what to do."""
        if self.undeliverable:
            why = _WHY_UNDELIVERABLE[self.problem or ""]
            return (
                f"    {why}; since {_moment(self.received_at)}; correct the address, then: cancelflow resume {self.id}"
                f"; if the customer cannot be reached: cancelflow dismiss {self.id}"
            )
        if self.by_hand and self.outcome is None:
            renewed = "; it has renewed since: refund that charge" if self.renewed else ""
            return (
                f"    received {_moment(self.received_at)}, and that time counts{renewed}; do it in Stripe, then: "
                f"cancelflow finish {self.id}"
            )
        since = f"parked since {_moment(self.parked_at)}" if self.parked_at else "the paid period ends soon"
        why = self.problem or "not recorded: see its runs in the Prefect UI"
        asked = f"received {_moment(self.received_at)}"
        return f"    {since}; {asked}; why: {why}; once that is fixed: cancelflow resume {self.id}"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def unfinished(settings: DatabaseSettings) -> list[Unfinished]:
    """Return all unfinished work, oldest first. Needs the owner's connection; raises `DatabaseUnavailable`."""
    with connected(settings) as connection, connection.cursor(row_factory=class_row(Unfinished)) as cursor:
        return cursor.execute(QUERIES["requests_without_end"]).fetchall()


def resume(settings: DatabaseSettings, identifier: UUID | str) -> None:
    """Make it claimable by any running trigger; of a session, its request. Raises `NothingToResume`."""
    with connected(settings) as connection:
        if of_session := connection.execute(QUERIES["request_of_session"], {"id": str(identifier)}).fetchone():
            identifier = str(of_session[0])
        connection.execute(QUERIES["approve_cancellation"], {"id": str(identifier)})
        try:
            found = [query for query in _RESUME if connection.execute(query, {"id": str(identifier)}).fetchone()]
        except psycopg.errors.UniqueViolation:
            raise NothingToResume("another request for its subscription is under way: resume this one later") from None
        if not found:
            raise NothingToResume(
                f"nothing with the id {identifier} can be resumed: it does not exist, or it was refused or handled"
            )


def dismiss(settings: DatabaseSettings, identifier: UUID | str) -> None:
    """Stop listing its undeliverable emails; raises `NothingToDismiss`."""
    with connected(settings) as connection:
        if not connection.execute(QUERIES["dismiss_undeliverable"], {"id": str(identifier)}).fetchone():
            raise NothingToDismiss(f"nothing with the id {identifier} has an undeliverable email")


@contextmanager
def connected(settings: DatabaseSettings) -> Iterator[psycopg.Connection[Any]]:
    """Connect as the owner; committed at the end of the block. Raises `DatabaseUnavailable`."""
    try:
        with psycopg.connect(
            settings.admin_url, connect_timeout=CONNECT_TIMEOUT_SECONDS, row_factory=tuple_row
        ) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"PostgreSQL is not reachable ({type(error).__name__})") from None
