"""`cancelflow calls`: what became of each call, from the database. Runs as the owner."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from rich.console import Console

from deployments.operations.requests import connected
from nodes.errors import CancelflowError
from nodes.settings import DatabaseSettings
from sql import QUERIES

AT_MOST_LISTED = 200


class CallUnknown(CancelflowError):
    """No call has this id: it never existed, or it was deleted with its customer's data."""


@dataclass(frozen=True)
class ListedCall:
    """A call without what was said."""

    id: UUID
    user_id: str
    state: str
    gate: str | None
    due_at: datetime | None
    problem: str | None
    created_at: datetime
    placed_at: datetime | None
    received_at: datetime | None
    status: str | None
    warmth: str | None
    reason_class: str | None
    reversed: bool | None
    disputed: bool

    @property
    def outcome(self) -> str:
        """Return what became of it, or what it waits for."""
        if self.received_at:
            codes = [self.status, self.warmth, self.reason_class]
            more = ["disputed"] * self.disputed + ["reversed"] * bool(self.reversed)
            return " ".join(filter(None, [*codes, *more]))
        if self.state == "waiting":
            why = self.gate or self.problem or "to be placed"
            return f"{why}, next at {_time(self.due_at)}"
        if self.state == "failed":
            return f"{self.problem}; once the vendor is back: cancelflow resume {self.id}"
        return self.gate or f"since {_time(self.placed_at)}, no result yet"


@dataclass(frozen=True)
class UnknownCall:
    """A result of a call that is not known here. `named`: our id, as the vendor gave it."""

    vendor_call_id: str
    named: str | None
    status: str
    received_at: datetime


@dataclass(frozen=True)
class SaidInCall:
    """A call with everything that the vendor reported, until that is anonymised."""

    id: UUID
    user_id: str
    request_id: UUID
    state: str
    gate: str | None
    status: str | None
    warmth: str | None
    reason_class: str | None
    requests_heard: list[str] | None
    recording_url: str | None
    summary: str | None
    action_items: list[str] | None
    unconfirmed: str | None
    transcript: str | None


def show_list(settings: DatabaseSettings, console: Console) -> None:
    """Print the newest calls, and the results of unknown ones: ids and codes only."""
    most = {"at_most": AT_MOST_LISTED}
    with connected(settings) as connection:
        with connection.cursor(row_factory=class_row(ListedCall)) as cursor:
            calls = cursor.execute(QUERIES["list_calls"], most).fetchall()
        with connection.cursor(row_factory=class_row(UnknownCall)) as cursor:
            unknown = cursor.execute(QUERIES["unknown_calls"], most).fetchall()
    lines = [f"{each.id}  {_time(each.created_at)}  {each.user_id}  {each.state:10}  {each.outcome}" for each in calls]
    for each in unknown:
        named = f", for {each.named}" if each.named else ""
        lines.append(f"unknown call {each.vendor_call_id}{named}  {_time(each.received_at)}  {each.status}")
    _print(lines or ["there are no calls"], console)


def show_call(settings: DatabaseSettings, call_id: UUID, console: Console) -> None:
    """Print a call with what was said. Raises `CallUnknown`."""
    with connected(settings) as connection, connection.cursor(row_factory=class_row(SaidInCall)) as cursor:
        found = cursor.execute(QUERIES["call_said"], {"call_id": call_id}).fetchone()
    if found is None:
        raise CallUnknown(f"there is no call {call_id}: `cancelflow calls` lists them")
    _print(_lines(found), console)


def _lines(call: SaidInCall) -> Iterator[str]:
    shown = {
        "user": call.user_id,
        "request": call.request_id,
        "state": call.state,
        "gate": call.gate,
        "status": call.status,
        "warmth": call.warmth,
        "reason": call.reason_class,
        "heard": ", ".join(call.requests_heard or []),
        "recording": call.recording_url,
        "unconfirmed": call.unconfirmed,
    }
    yield from (f"{name:11} {value}" for name, value in shown.items() if value)
    yield from (f"promised    {each}" for each in call.action_items or [])
    yield from (f"\n{text}" for text in (call.summary, call.transcript) if text)


def _print(lines: Iterable[str], console: Console) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"
