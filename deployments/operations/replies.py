"""`cancelflow replies`: customers' replies and their categories, from the database. Runs as the owner."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from deployments.operations.requests import connected
from deployments.terminal import age, printable, time
from nodes.errors import CancelflowError
from nodes.settings import DatabaseSettings, ReplyListSettings
from sql import QUERIES

AT_MOST_LISTED = 200


class ReplyUnknown(CancelflowError):
    """No reply has this id: it never existed, or it was deleted after 90 days or with its customer's data."""


class NotAnAnswer(CancelflowError):
    """The email was an auto-reply, a bounce, a STOP or unreadable, so it has no category."""


@dataclass(frozen=True)
class ListedReply:
    """A reply without its text. `unsure`: it waits for a person's category."""

    id: UUID
    request_id: UUID
    age: timedelta
    kind: str
    category: str | None
    confidence: float | None
    corrected_category: str | None
    unsure: bool

    def line(self) -> str:
        """Return a line for the terminal, with ids and codes only."""
        said = _said(self.category, self.confidence)
        category = f"{self.corrected_category} (corrected)" if self.corrected_category else said
        return f"{self.id}  {age(self.age):>8}  {self.kind:10}  {category:24}  request {self.request_id}"


@dataclass(frozen=True)
class Reply:
    """A reply with the customer's text, and what became of it. `tags`: of its cancellation."""

    id: UUID
    request_id: UUID
    user_id: str
    received_at: datetime
    kind: str
    text: str | None
    category: str | None
    confidence: float | None
    categorized_by: str | None
    corrected_category: str | None
    corrected_at: datetime | None
    corrected_by: str | None
    filled_in: str | None
    tags: list[str]

    def lines(self) -> Iterator[str]:
        """Yield everything about it, a line each, and the text at the end."""
        yield f"{self.kind} {self.id}, received {time(self.received_at)}"
        yield f"user       {self.user_id}"
        yield f"request    {self.request_id}"
        if self.categorized_by:
            yield f"category   {_said(self.category, self.confidence)}, by the model {self.categorized_by}"
        if self.corrected_category:
            yield f"corrected  {self.corrected_category}, by {self.corrected_by}, {time(self.corrected_at)}"
        if self.filled_in:
            yield f"filled in  {self.filled_in}, as the cancellation had no reason"
        if self.tags:
            yield f"tags       {', '.join(self.tags)}"
        if self.text:
            yield "\n" + printable(self.text)


def listed(settings: ReplyListSettings, *, every: bool) -> Iterator[str]:
    """Yield a line per reply, oldest first: those that wait for a person, or `every` one."""
    wanted = {
        "min_confidence": settings.reply_min_confidence,
        "only_unsure": not every,
        "at_most": AT_MOST_LISTED + 1,
    }
    with connected(settings) as connection, connection.cursor(row_factory=class_row(ListedReply)) as cursor:
        found = cursor.execute(QUERIES["replies_for_operators"], wanted).fetchall()
    yield from (each.line() for each in found[:AT_MOST_LISTED])
    if len(found) > AT_MOST_LISTED:
        yield f"and more: these are the oldest {AT_MOST_LISTED}"
    if not found:
        yield "no reply came" if every else "no reply needs a person"


def reply_of(settings: DatabaseSettings, reply_id: UUID) -> Reply:
    """Return a reply with its text. Raises `ReplyUnknown`."""
    with connected(settings) as connection, connection.cursor(row_factory=class_row(Reply)) as cursor:
        found = cursor.execute(QUERIES["reply_for_operators"], {"reply_id": reply_id}).fetchone()
    if found is None:
        raise ReplyUnknown(f"there is no reply {reply_id}: `cancelflow replies --all` lists them")
    return found


def correct(settings: ReplyListSettings, reply_id: UUID, category: str, by: str) -> None:
    """Record a person's category, also as the cancellation's reason where the customer chose none.

    Raises `ReplyUnknown` and `NotAnAnswer`.
    """
    with connected(settings) as connection:
        said = {"reply_id": reply_id, "category": category, "by": by}
        if connection.execute(QUERIES["correct_reply"], said).fetchone():
            of = {"reply_id": reply_id, "min_confidence": settings.reply_min_confidence}
            connection.execute(QUERIES["reason_from_reply"], of)
            return
    raise NotAnAnswer(f"{reply_id} has no category: it is of the kind {reply_of(settings, reply_id).kind}")


def _said(category: str | None, confidence: float | None) -> str:
    return f"{category} {confidence:.2f}" if category and confidence is not None else "none"
