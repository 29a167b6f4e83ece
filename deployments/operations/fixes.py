"""`cancelflow fix`: what customers missed and is fixed, and who came back. Runs as the owner."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Json

from deployments.operations.requests import connected
from deployments.terminal import time
from nodes.errors import CancelflowError
from nodes.settings import DatabaseSettings
from sql import QUERIES


class NoteMissing(CancelflowError):
    """The fix was not shipped yet, so it needs a note."""


class ShippedOtherwise(CancelflowError):
    """The fix was shipped with another note, which customers have read."""


class NobodyTagged(CancelflowError):
    """No customer has or had the tag."""


@dataclass(frozen=True)
class _Line:
    tag: str
    shipped_at: datetime
    outcome: str | None
    customers: int
    came_back: int
    judged: int
    waiting: int


def ship(settings: DatabaseSettings, tag: str, notes: dict[str, str]) -> None:
    """Store the fix, and add everyone who is tagged with it to its customers, once each.

    `notes`: by language; none for a fix that was shipped before. Raises `NoteMissing`, `ShippedOtherwise` and
    `NobodyTagged`; nothing was stored then.
    """
    of = {"tag": tag}
    with connected(settings) as connection:
        if notes:
            connection.execute(QUERIES["ship_fix"], {**of, "notes": Json(notes)})
        shipped = connection.execute(QUERIES["shipped_fix"], of).fetchone()
        if shipped is None:
            raise NoteMissing(f"{tag} was not shipped yet: say what was fixed with --note")
        if notes and notes != shipped[0]:
            raise ShippedOtherwise(
                f"{tag} was shipped {time(shipped[1])} with another note: repeat it without a note to continue; "
                "for another fix, tag its customers with a tag of its own"
            )
        _require_tagged(connection, tag)
        connection.execute(QUERIES["add_customers_of_fix"], of)


def require_tagged(settings: DatabaseSettings, tag: str) -> None:
    """Raise `NobodyTagged` if there is nobody to count or to write to, as for a tag with a typing error."""
    with connected(settings) as connection:
        _require_tagged(connection, tag)


def _require_tagged(connection: Connection[Any], tag: str) -> None:
    if connection.execute(QUERIES["is_anybody_tagged"], {"tag": tag}).fetchone() == (False,):
        raise NobodyTagged(f"nobody is tagged {tag}: `cancelflow replies tags` lists the tags")


def listed(settings: DatabaseSettings) -> Iterator[str]:
    """Yield the lines of each fix, the newest first, with a line for each outcome."""
    with connected(settings) as connection, connection.cursor(row_factory=class_row(_Line)) as cursor:
        found = cursor.execute(QUERIES["fixes_for_operators"]).fetchall()
    for (tag, shipped_at, waiting), outcomes in groupby(found, lambda each: (each.tag, each.shipped_at, each.waiting)):
        yield f"{tag}  shipped {time(shipped_at)}"
        for each in outcomes:
            if each.outcome:
                yield (
                    f"  {each.outcome.replace('_', ' '):14} {each.customers:>6}  came back within 90 days "
                    f"{each.came_back:>6}  90 days are over for {each.judged}"
                )
        if waiting:
            yield f"  {'waiting':14} {waiting:>6}"
    if not found:
        yield "no fix was shipped"
