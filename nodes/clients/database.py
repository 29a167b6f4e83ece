"""The record of truth: PostgreSQL, one user a transaction, under row-level security (SPEC, step 2 and Security)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Json
from psycopg_pool import PoolClosed, PoolTimeout

from nodes.clients.database_connections import TRANSACTION_SECONDS, connections, cut_after
from nodes.errors import ConstraintViolated, DatabaseUnavailable, StatementRefused
from nodes.settings import DatabaseSettings
from sql import QUERIES

# What counts all customers' rows of a month; nobody waits for it.
REPORT_TIMEOUT_MS = 120_000

Row = TypeVar("Row")


class Transaction:
    """One transaction for one user. Queries are named blocks of sql/queries."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection

    async def one(self, query: str, row: type[Row], **parameters: object) -> Row | None:
        """Return the first row as a `row`, or None."""
        async with self._connection.cursor(row_factory=class_row(row)) as cursor:
            await cursor.execute(_sql(query), _adapted(parameters))
            return await cursor.fetchone()

    async def all(self, query: str, row: type[Row], **parameters: object) -> list[Row]:
        """Return every row as a `row`."""
        async with self._connection.cursor(row_factory=class_row(row)) as cursor:
            await cursor.execute(_sql(query), _adapted(parameters))
            return await cursor.fetchall()

    async def values(self, query: str, **parameters: object) -> list[Any]:
        """Return the first column of every row."""
        async with self._connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(_sql(query), _adapted(parameters))
            return await cursor.fetchall()

    async def run(self, query: str, **parameters: object) -> int:
        """Return how many rows a statement touched."""
        cursor = await self._connection.execute(_sql(query), _adapted(parameters))
        return cursor.rowcount


@dataclass(frozen=True)
class Health:
    """Who we are in the database: an application that could see everyone's rows is not healthy."""

    role: str
    migrated: bool
    confined: bool


@dataclass(frozen=True)
class Claimed:
    """Something that waits, now this process's for as long as its lease lasts. Ids, and nothing else of its user."""

    id: str
    user_id: str | None  # of a request; one of Stripe's events belongs to nobody
    needs_attention: bool  # tried often enough, over hours
    urgent: bool  # what was paid for runs out while Stripe has not taken what the customer asked for
    tries: int
    died_in: UUID | None  # the flow run that left it unfinished


@dataclass(frozen=True)
class SubscriptionState:
    """What our row says. `announced`: the customer was told that it ends. `under_way`: a request is being processed."""

    id: str
    user_id: str
    status: str
    cancel_at: datetime | None
    announced: bool
    under_way: bool


@dataclass(frozen=True)
class WithOffer:
    """A subscription that took an offer, and when."""

    id: str
    user_id: str
    accepted_at: datetime


class Database:
    """A pool of connections.

    Raises `DatabaseUnavailable`, `ConstraintViolated` and `StatementRefused`, never psycopg's own errors.
    There is no retry: a transaction that failed half way is for the node to repeat, and every node may be repeated.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        self._pool = connections(settings)

    async def open(self) -> None:
        """Start the pool; a server that is away shows in the first transaction, not here."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Give every connection back."""
        await self._pool.close()

    @asynccontextmanager
    async def as_user(self, user_id: str) -> AsyncIterator[Transaction]:
        """A transaction that sees this user's rows and no one else's; rolled back if the block raises."""
        async with self._begun("begin_as_user", user_id=user_id) as transaction:
            yield transaction

    @asynccontextmanager
    async def without_user(self) -> AsyncIterator[Transaction]:
        """A transaction that sees no user's rows: for what belongs to none, through functions that give ids only."""
        async with self._transaction() as transaction:
            yield transaction

    async def call(self, query: str, row: type[Row], **parameters: object) -> Row:
        """Run a statement that is a transaction of its own and gives one row: one round trip.

        It names the user that it acts for itself.
        """
        async with self._connected(TRANSACTION_SECONDS) as connection:
            [found] = await Transaction(connection).all(query, row, **parameters)
            return found

    async def owner_of_reactivation(self, request_id: UUID) -> str | None:
        """Return whose request to go on this is, or None for an id that is nobody's."""
        async with self._begun("begin_for_request", request_id=str(request_id)) as transaction:
            owners = await transaction.values("reactivation_owner", request_id=request_id)
        return owners[0] if owners else None

    async def owner_of_request(self, request_id: UUID) -> str | None:
        """Return whose request this is, or None for an id that is nobody's."""
        async with self._begun("begin_for_request", request_id=str(request_id)) as transaction:
            owners = await transaction.values("request_owner", request_id=request_id)
        return owners[0] if owners else None

    async def claim_cancellations(self, at_most: int, *, only_new: bool = False) -> list[Claimed]:
        """Requests of any user whose lease has passed; each is handed to one caller. `only_new`: that no run began."""
        async with self._transaction() as transaction:
            return await transaction.all("claim_cancellations", Claimed, at_most=at_most, only_new=only_new)

    async def claim_reactivations(self, at_most: int, *, only_new: bool = False) -> list[Claimed]:
        """Return the same of the requests to come back."""
        async with self._transaction() as transaction:
            return await transaction.all("claim_reactivations", Claimed, at_most=at_most, only_new=only_new)

    async def claim_events(self, at_most: int, *, only_new: bool = False) -> list[Claimed]:
        """Return the same of Stripe's events whose turn it is. `only_new`: that no run has left."""
        async with self._transaction() as transaction:
            return await transaction.all("claim_stripe_events", Claimed, at_most=at_most, only_new=only_new)

    async def anything_unfinished(self) -> bool:
        """Return whether something that a run had begun waits to be claimed."""
        async with self._transaction() as transaction:
            [found] = await transaction.values("anything_unfinished")
        return bool(found)

    async def renew_lease(self, request_id: UUID) -> None:
        """Whoever works on the request lives."""
        async with self._transaction() as transaction:
            await transaction.run("renew_lease", request_id=request_id)

    async def end_lease(self, request_id: UUID) -> None:
        """Nobody here goes on with it: whoever looks next may take it up."""
        async with self._transaction() as transaction:
            await transaction.run("end_lease", request_id=request_id)

    async def subscription_states(self, ids: list[str]) -> list[SubscriptionState]:
        """Return those of these subscriptions that are ours, of any user."""
        async with self._transaction() as transaction:
            return await transaction.all("subscription_states", SubscriptionState, ids=ids)

    async def live_subscriptions_after(self, after: str, at_most: int) -> list[str]:
        """Return a page of the ids of those that had not ended when last heard of, of any user."""
        async with self._transaction() as transaction:
            return await transaction.values("live_subscriptions_after", after=after, at_most=at_most)

    async def report(self, month: date) -> dict[str, Any]:
        """Return the figures of the month that begins on this day, across all users and without a row of theirs."""
        async with self._transaction(REPORT_TIMEOUT_MS / 1000) as transaction:
            await transaction.run("take_longer", milliseconds=str(REPORT_TIMEOUT_MS))
            [report] = await transaction.values("report", month=month)
        found: dict[str, Any] = report
        return found

    async def close_figures(self, month: date) -> list[str]:
        """Keep those figures of a month that are final; which were closed now."""
        async with self._transaction(REPORT_TIMEOUT_MS / 1000) as transaction:
            await transaction.run("take_longer", milliseconds=str(REPORT_TIMEOUT_MS))
            return await transaction.values("close_figures", month=month)

    async def subscriptions_with_an_offer(self, after: str, at_most: int) -> list[WithOffer]:
        """Return a page of those that took an offer within 13 months, of any user, by id."""
        async with self._transaction() as transaction:
            return await transaction.all("subscriptions_with_an_offer", WithOffer, after=after, at_most=at_most)

    async def check(self) -> None:
        """Raises unless the server answers, the migrations ran and our role is confined by row-level security."""
        async with self._transaction() as transaction:
            health = await transaction.one("health", Health)
        if health is None or not health.migrated:
            raise DatabaseUnavailable("the database is not migrated: run `cancelflow migrate`")
        if not health.confined:
            raise DatabaseUnavailable(f"the role {health.role} is not confined: see sql/migrations")

    def _transaction(self, seconds: float = TRANSACTION_SECONDS) -> AbstractAsyncContextManager[Transaction]:
        return self._begun("begin", seconds)

    @asynccontextmanager
    async def _begun(
        self, query: str, seconds: float = TRANSACTION_SECONDS, **parameters: str
    ) -> AsyncIterator[Transaction]:
        async with self._connected(seconds) as connection:
            # Two statements in one message: the protocol allows it where this side puts the parameters in.
            async with psycopg.AsyncClientCursor(connection) as cursor:
                await cursor.execute(_sql(query), parameters)
            yield Transaction(connection)

    @asynccontextmanager
    async def _connected(self, seconds: float) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        with _our_errors(), ExitStack() as limits:
            async with self._pool.connection() as connection:
                limits.enter_context(cut_after(connection, seconds))  # until after the COMMIT
                yield connection


@contextmanager
def _our_errors() -> Any:
    try:
        yield
    except psycopg.IntegrityError as error:
        raise ConstraintViolated(error.diag.constraint_name or "unnamed") from None
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed) as error:
        # The SDK's text may quote a row or the connection string: its type is enough to look further.
        raise DatabaseUnavailable(f"PostgreSQL is not reachable or too slow ({type(error).__name__})") from None
    except psycopg.Error as error:
        raise StatementRefused(f"PostgreSQL refused a statement ({type(error).__name__})") from None


def _sql(query: str) -> LiteralString:
    return QUERIES[query]


def _adapted(parameters: Mapping[str, object]) -> dict[str, object]:
    return {name: Json(value) if isinstance(value, dict) else value for name, value in parameters.items()}
