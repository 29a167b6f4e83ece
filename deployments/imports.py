"""`cancelflow import`: Stripe's customers as users, with their live and recently ended subscriptions."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import psycopg
from psycopg.rows import class_row, namedtuple_row, scalar_row
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from nodes.clients.billing_customers import MISSING, BillingCustomers, Customer, CustomersSubscription, Page
from nodes.clients.catalog import read_catalog
from nodes.copies.rows import customer_rows, subscription_rows
from nodes.errors import BillingFailed, CancelflowError, DatabaseUnavailable
from nodes.rules.catalog import Catalog
from nodes.settings import ImportSettings
from sql import QUERIES

CONNECT_TIMEOUT_SECONDS = 5
# A page is a hundred rows, written in milliseconds; a summary counts them all.
STATEMENT_TIMEOUT_MS = 60_000
# As long as data is kept after a subscription's end: of one that ended earlier, nothing is left to do.
RECENT = timedelta(days=90)
WARNINGS_SHOWN = 20

T = TypeVar("T", Customer, CustomersSubscription)


class ImportUnderWay(CancelflowError):
    """Another process imports into this database; two would only read the same pages."""


class ImportStopped(CancelflowError):
    """Stripe or PostgreSQL failed; every page that was read is written, and the next import goes on after it."""


@dataclass(frozen=True)
class _Reached:
    """How far a list was read by an import that did not come to its end."""

    list: str
    after: str | None = None
    read: int = 0
    done: bool = False


def import_from_stripe(settings: ImportSettings, console: Console, *, from_start: bool = False) -> None:
    """Copy all pages, from where the last import stopped unless `from_start`, and print what is in the tables then.

    Safe to repeat: nothing changes that Stripe has not changed. Needs the owner's connection. Raises `ImportUnderWay`
    and `ImportStopped`.
    """
    catalog = read_catalog(settings.catalog)
    with _connected(settings) as connection, _shown(console) as progress:
        if not _value(connection, QUERIES["only_import"]):
            raise ImportUnderWay("another import is under way in this database")
        if from_start:
            connection.execute(QUERIES["forget_import"])
        asyncio.run(_Import(settings, connection, catalog, progress).run())
        connection.execute(QUERIES["forget_import"])
        summary = _summary(connection)
    for part in summary:
        console.print(part)


class _Import:
    """One run through the lists: subscriptions first, whose metadata may name a user that the customer's does not."""

    def __init__(
        self, settings: ImportSettings, connection: psycopg.Connection[Any], catalog: Catalog, progress: Progress
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._catalog = catalog
        self._progress = progress
        self._misnamed: set[str] = set()

    async def run(self) -> None:
        """Read every list to its end."""
        billing = BillingCustomers(self._settings)
        reached = self._connection.cursor(row_factory=class_row(_Reached)).execute(QUERIES["import_progress"])
        before = {each.list: each for each in reached}

        def live(after: str | None) -> Awaitable[Page[CustomersSubscription]]:
            return billing.subscriptions_after(after, ended=False)

        def ended(after: str | None) -> Awaitable[Page[CustomersSubscription]]:
            return billing.subscriptions_after(after, ended=True)

        try:
            await self._walk(before.get("subscriptions", _Reached("subscriptions")), live, self._subscriptions)
            await self._walk(before.get("ended", _Reached("ended")), ended, self._recently_ended)
            await self._walk(before.get("customers", _Reached("customers")), billing.customers_after, self._customers)
        finally:
            await billing.close()

    async def _walk(
        self,
        reached: _Reached,
        read: Callable[[str | None], Awaitable[Page[T]]],
        write: Callable[[Iterable[T], datetime], None],
    ) -> None:
        task = self._progress.add_task(_TITLES[reached.list], total=None, completed=reached.read)
        while not reached.done:
            asked_at = _value(self._connection, QUERIES["import_asks"])
            page = await _page(read, reached.after)
            reached = _Reached(reached.list, page.next, reached.read + len(page.found), page.next is None)
            with self._connection.transaction():
                write(page.found, asked_at)
                self._connection.execute(QUERIES["import_reached"], vars(reached))
            self._progress.update(task, completed=reached.read)
        self._close(task, reached.read)

    def _close(self, task: TaskID, read: int) -> None:
        self._progress.update(task, total=read or 1, completed=read or 1)

    def _subscriptions(self, found: Iterable[CustomersSubscription], asked_at: datetime) -> None:
        found = list(found)
        self._customers([each.customer for each in found], asked_at)
        rows = {"subscriptions": subscription_rows(found, self._catalog), "asked_at": asked_at, "only_new": False}
        self._connection.execute(QUERIES["write_subscriptions"], rows)

    def _recently_ended(self, found: Iterable[CustomersSubscription], asked_at: datetime) -> None:
        since = asked_at - RECENT
        self._subscriptions([each for each in found if each.billed.ended_at and each.billed.ended_at > since], asked_at)

    def _customers(self, found: Iterable[Customer], asked_at: datetime) -> None:
        found = list(found)
        rows = {"customers": customer_rows(found), "asked_at": asked_at, "take_over": False}
        self._connection.execute(QUERIES["write_customers"], rows)
        for each in found:
            if each.misnamed and each.id not in self._misnamed and len(self._misnamed) <= WARNINGS_SHOWN:
                self._misnamed.add(each.id)
                self._warn(each.id)

    def _warn(self, customer_id: str) -> None:
        key = self._settings.stripe_user_key
        more = len(self._misnamed) > WARNINGS_SHOWN
        text = "and more like these" if more else f"{customer_id}: the metadata's {key} cannot be a user id"
        self._progress.console.print(f"warning: {text}")


_TITLES = {"subscriptions": "Subscriptions", "ended": "Ended subscriptions", "customers": "Customers"}


async def _page(read: Callable[[str | None], Awaitable[Page[T]]], after: str | None) -> Page[T]:
    try:
        return await read(after)
    except BillingFailed as error:
        if error.code == MISSING and after is not None:  # deleted since: pages cannot be counted from it any more
            return await read(None)
        raise


def _summary(connection: psycopg.Connection[Any]) -> list[str | Table]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        [counts] = cursor.execute(QUERIES["import_summary"]).fetchall()
        plans = cursor.execute(QUERIES["subscriptions_by_plan"]).fetchall()
        prices = cursor.execute(QUERIES["prices_in_no_plan"]).fetchall()
    without = f", {counts.without_email:,} of them without an email address" if counts.without_email else ""
    parts: list[str | Table] = [
        f"In the tables now: {counts.users:,} users{without}; {counts.subscriptions:,} subscriptions",
        _table(("plan", "live", "in all"), plans),
    ]
    if prices:
        parts += ["Prices in no plan of the catalogue, whose customers get no offer:"]
        parts += [_table(("price", "subscriptions"), prices)]
    return parts


def _table(heads: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", overflow="fold")
    for first, *numbers in rows:
        table.add_row(str(first), *(f"{number:,}" for number in numbers))
    return table


def _value(connection: psycopg.Connection[Any], query: str) -> Any:
    return connection.cursor(row_factory=scalar_row).execute(query.encode()).fetchone()


def _shown(console: Console) -> Progress:
    read = TextColumn("{task.completed:,}")  # Stripe does not say of how many
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), read, TimeElapsedColumn(), console=console
    )


@contextmanager
def _connected(settings: ImportSettings) -> Any:
    try:
        with psycopg.connect(
            settings.admin_url,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
        ) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"PostgreSQL is not reachable ({type(error).__name__})") from None
    except psycopg.Error as error:
        raise ImportStopped(f"PostgreSQL refused a page ({type(error).__name__}): is the database migrated?") from None
    except BillingFailed as error:
        raise ImportStopped(f"{error}. What was read is written: run `cancelflow import` again to go on") from None
