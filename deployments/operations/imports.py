"""`cancelflow import`: copy Stripe's customers as users, with their live and recently ended subscriptions."""

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import psycopg
from psycopg.rows import class_row, scalar_row, tuple_row
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from nodes.clients.billing.customers import MISSING, BillingCustomers, Customer, CustomersSubscription, Page
from nodes.clients.catalog import read_catalog
from nodes.errors import BillingFailed, CancelflowError, DatabaseUnavailable
from nodes.rules.catalog import Catalog
from nodes.rules.statuses import is_live
from nodes.settings import ImportSettings
from nodes.subscriptions.rows import customer_rows, subscribers_among, subscription_rows
from sql import QUERIES

CONNECT_TIMEOUT_SECONDS = 5
# A page of 100 rows is written in milliseconds, but the summary counts all rows.
STATEMENT_TIMEOUT_MS = 60_000
# Data is kept this long after a subscription's end, so nothing is left to do for one that ended earlier.
RECENT = timedelta(days=90)
WARNINGS_SHOWN = 20

T = TypeVar("T", Customer, CustomersSubscription)


class ImportUnderWay(CancelflowError):
    """Another process is importing into this database; both would read the same pages."""


class ImportStopped(CancelflowError):
    """Stripe or PostgreSQL failed; every page read is written, and the next import continues after it."""


@dataclass(frozen=True)
class _Reached:
    """The progress of an unfinished import through one list."""

    list: str
    after: str | None = None
    read: int = 0
    done: bool = False


def import_from_stripe(settings: ImportSettings, console: Console, *, from_start: bool = False) -> None:
    """Copy all pages, from where the last import stopped unless `from_start`, and print a summary of the tables.

    Safe to repeat: only what has changed in Stripe changes here. Needs the owner's connection. Raises `ImportUnderWay`
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
    """A pass through the lists: subscriptions first, as their metadata may name a user that the customer's does not."""

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
            await self._walk(before.get("ended", _Reached("ended")), ended, self._subscriptions)
            await self._walk(before.get("customers", _Reached("customers")), billing.customers_after, self._customers)
        finally:
            await billing.close()

    async def _walk(
        self,
        reached: _Reached,
        read: Callable[[str | None], Awaitable[Page[T]]],
        write: Callable[[Sequence[T], datetime], None],
    ) -> None:
        task = self._progress.add_task(_TITLES[reached.list], total=None, read=reached.read)
        while not reached.done:
            asked_at = _value(self._connection, QUERIES["import_asks"])
            page = await _page(read, reached.after)
            reached = _Reached(reached.list, page.next, reached.read + len(page.found), page.next is None)
            with self._connection.transaction():
                write(page.found, asked_at)
                self._connection.execute(QUERIES["import_reached"], vars(reached))
            self._progress.update(task, read=reached.read)
        self._progress.update(task, total=1, completed=1)

    def _subscriptions(self, found: Sequence[CustomersSubscription], asked_at: datetime) -> None:
        since = asked_at - RECENT
        wanted = [each for each in found if is_live(each.billed.status) or (each.billed.ended_at or since) > since]
        self._write_customers([each.customer for each in wanted], asked_at, subscribers_among(wanted))
        rows = {"subscriptions": subscription_rows(wanted, self._catalog), "asked_at": asked_at, "only_new": False}
        self._connection.execute(QUERIES["write_subscriptions"], rows)

    def _customers(self, found: Sequence[Customer], asked_at: datetime) -> None:
        self._write_customers(found, asked_at, ())

    def _write_customers(self, found: Sequence[Customer], asked_at: datetime, subscribed: Container[str]) -> None:
        rows = {"customers": customer_rows(found, subscribed=subscribed), "asked_at": asked_at, "changed": False}
        self._connection.execute(QUERIES["write_customers"], rows)
        self._warn([each.id for each in found if each.misnamed])

    def _warn(self, misnamed: Iterable[str]) -> None:
        key = self._settings.stripe_user_key
        for customer_id in misnamed:
            if customer_id not in self._misnamed and len(self._misnamed) < WARNINGS_SHOWN:
                self._misnamed.add(customer_id)
                self._progress.console.print(f"warning: {customer_id}: the metadata's {key} is not a valid user id")


_TITLES = {"subscriptions": "Subscriptions", "ended": "Ended subscriptions", "customers": "Customers"}


async def _page(read: Callable[[str | None], Awaitable[Page[T]]], after: str | None) -> Page[T]:
    try:
        return await read(after)
    except BillingFailed as error:
        if error.code == MISSING and after is not None:  # `after` was deleted: read from the start
            return await read(None)
        raise


def _summary(connection: psycopg.Connection[Any]) -> list[str | Table]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        [(users, without_email, subscriptions)] = cursor.execute(QUERIES["import_summary"]).fetchall()
        plans = cursor.execute(QUERIES["subscriptions_by_plan"]).fetchall()
        prices = cursor.execute(QUERIES["prices_in_no_plan"]).fetchall()
    without = f", {without_email:,} of them without an email address" if without_email else ""
    parts: list[str | Table] = [
        f"Now in the database: {users:,} users{without}; {subscriptions:,} subscriptions",
        _table(("plan", "live", "in all"), plans),
    ]
    if prices:
        parts += ["Prices in no plan of the catalogue (their customers get no offer):"]
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
    read = TextColumn("{task.fields[read]:,}")  # Stripe does not report a total
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
        raise ImportStopped(f"{error}. What was read is saved: run `cancelflow import` again to continue") from None
