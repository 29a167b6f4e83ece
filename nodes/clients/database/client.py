"""PostgreSQL client: transactions for one user each, under row-level security (SPEC, step 2 and Security)."""

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

from nodes.clients.database.connections import TRANSACTION_SECONDS, connections, cut_after
from nodes.errors import ConstraintViolated, DatabaseUnavailable, StatementRefused
from nodes.settings import DatabaseSettings
from sql import QUERIES

# A report counts all customers' rows of a month, in the background.
REPORT_TIMEOUT_MS = 120_000

Row = TypeVar("Row")


class Transaction:
    """A database transaction. Queries are named blocks in sql/queries."""

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
        """Run a statement; return how many rows it affected."""
        cursor = await self._connection.execute(_sql(query), _adapted(parameters))
        return cursor.rowcount


@dataclass(frozen=True)
class Health:
    """The application's role and its restrictions. A role that can see all users' rows is not healthy."""

    role: str
    migrated: bool
    confined: bool


@dataclass(frozen=True)
class Claimed:
    """A waiting request or event, claimed by this process until its lease expires. It holds ids only."""

    id: str
    user_id: str | None  # of a request; None for a Stripe event
    needs_attention: bool  # automatic retries are used up, after hours
    urgent: bool  # the paid period ends soon and Stripe has not applied the customer's request
    tries: int
    died_in: UUID | None  # the flow run that died while processing it


@dataclass(frozen=True)
class SubscriptionState:
    """A row of `subscriptions`. `announced`: the customer was notified of its end. `under_way`: a request is open."""

    id: str
    user_id: str
    status: str
    cancel_at: datetime | None
    pause_behavior: str | None
    resumes_at: datetime | None
    updated_at: datetime
    announced: bool
    under_way: bool


@dataclass(frozen=True)
class WithOffer:
    """A subscription whose customer accepted a retention offer."""

    id: str
    user_id: str
    accepted_at: datetime


class Database:
    """A connection pool.

    Raises `DatabaseUnavailable`, `ConstraintViolated` and `StatementRefused`, never psycopg's own errors.
    There is no retry here: after a failed transaction the node is retried, and every node is safe to retry.
    """

    def __init__(self, settings: DatabaseSettings) -> None:
        self._pool = connections(settings)

    async def open(self) -> None:
        """Start the pool without waiting: an unreachable server raises in the first transaction."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    @asynccontextmanager
    async def as_user(self, user_id: str) -> AsyncIterator[Transaction]:
        """Open a transaction that sees only this user's rows; it is rolled back if the block raises."""
        async with self._begun("begin_as_user", user_id=user_id) as transaction:
            yield transaction

    @asynccontextmanager
    async def without_user(self) -> AsyncIterator[Transaction]:
        """Open a transaction that sees no user's rows, for functions across users, which return ids only."""
        async with self._transaction() as transaction:
            yield transaction

    async def call(self, query: str, row: type[Row], **parameters: object) -> Row:
        """Run a statement that is its own transaction and returns one row, in one round trip.

        The statement itself sets the user that it acts for.
        """
        [found] = await self.call_all(query, row, **parameters)
        return found

    async def call_all(self, query: str, row: type[Row], **parameters: object) -> list[Row]:
        """Run the same, and return every row."""
        async with self._connected(TRANSACTION_SECONDS) as connection:
            return await Transaction(connection).all(query, row, **parameters)

    async def owner_of(self, kind: str, request_id: UUID) -> str | None:
        """Return the user id of a request of a kind (sql.KINDS), or None for an unknown id."""
        async with self._begun("begin_for_request", request_id=str(request_id)) as transaction:
            owners = await transaction.values(f"owner_of_{kind}", request_id=request_id)
        return owners[0] if owners else None

    async def owner_of_session(self, session_id: UUID) -> str | None:
        """Return the user id of a session of the cancel page, or None for an unknown id."""
        async with self._begun("begin_for_request", request_id=str(session_id)) as transaction:
            owners = await transaction.values("owner_of_session", request_id=session_id)
        return owners[0] if owners else None

    async def owner_of_reply(self, reply_id: UUID) -> str | None:
        """Return the user id of a customer's reply, or None for an unknown id."""
        async with self._begun("begin_for_request", request_id=str(reply_id)) as transaction:
            owners = await transaction.values("owner_of_reply", request_id=reply_id)
        return owners[0] if owners else None

    async def claim(self, kind: str, at_most: int, *, only_new: bool = False) -> list[Claimed]:
        """Claim requests of a kind whose lease has expired. `only_new`: only those that no run has started."""
        async with self._transaction() as transaction:
            return await transaction.all(f"claim_{kind}s", Claimed, at_most=at_most, only_new=only_new)

    async def claim_events(self, at_most: int, *, only_new: bool = False) -> list[Claimed]:
        """Claim Stripe events that are due. `only_new`: only those that no run has started."""
        async with self._transaction() as transaction:
            return await transaction.all("claim_stripe_events", Claimed, at_most=at_most, only_new=only_new)

    async def anything_unfinished(self) -> bool:
        """Return whether anything that a run had started is waiting to be claimed."""
        async with self._transaction() as transaction:
            [found] = await transaction.values("anything_unfinished")
        return bool(found)

    async def renew_lease(self, request_id: UUID) -> None:
        """Extend the lease of a request that this process is working on."""
        async with self._transaction() as transaction:
            await transaction.run("renew_lease", request_id=request_id)

    async def end_lease(self, request_id: UUID) -> None:
        """End the lease, so that another process can claim the request immediately."""
        async with self._transaction() as transaction:
            await transaction.run("end_lease", request_id=request_id)

    async def subscription_states(self, ids: list[str]) -> list[SubscriptionState]:
        """Return the rows of these subscriptions that exist in the database, of any user."""
        async with self._transaction() as transaction:
            return await transaction.all("subscription_states", SubscriptionState, ids=ids)

    async def live_subscriptions_after(self, after: str, at_most: int) -> list[str]:
        """Return a page of the ids of all users' subscriptions that are live in the database."""
        async with self._transaction() as transaction:
            return await transaction.values("live_subscriptions_after", after=after, at_most=at_most)

    async def report(self, month: date) -> dict[str, Any]:
        """Return the report for the month that begins on this day: figures across all users, without personal data."""
        async with self._transaction(REPORT_TIMEOUT_MS / 1000) as transaction:
            await transaction.run("take_longer", milliseconds=str(REPORT_TIMEOUT_MS))
            [report] = await transaction.values("report", month=month)
        found: dict[str, Any] = report
        return found

    async def close_figures(self, month: date, *, payments_complete: bool) -> list[str]:
        """Store the figures of a month that are final; return the names of those closed by this call.

        Those that count payments stay open unless `payments_complete`.
        """
        async with self._transaction(REPORT_TIMEOUT_MS / 1000) as transaction:
            await transaction.run("take_longer", milliseconds=str(REPORT_TIMEOUT_MS))
            return await transaction.values("close_figures", month=month, payments_complete=payments_complete)

    async def subscriptions_with_an_offer(self, after: str, at_most: int) -> list[WithOffer]:
        """Return a page, by id, of all users' subscriptions whose offer was accepted within 15 months."""
        async with self._transaction() as transaction:
            return await transaction.all("subscriptions_with_an_offer", WithOffer, after=after, at_most=at_most)

    async def check(self) -> None:
        """Raise unless the server responds, is migrated, and confines the application's role by row-level security."""
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
            # Two statements in one message are only possible with client-side parameter binding.
            async with psycopg.AsyncClientCursor(connection) as cursor:
                await cursor.execute(_sql(query), parameters)
            yield Transaction(connection)

    @asynccontextmanager
    async def _connected(self, seconds: float) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        with _our_errors(), ExitStack() as limits:
            async with self._pool.connection() as connection:
                limits.enter_context(cut_after(connection, seconds))  # covers the COMMIT
                yield connection


@contextmanager
def _our_errors() -> Any:
    try:
        yield
    except psycopg.IntegrityError as error:
        raise ConstraintViolated(error.diag.constraint_name or "unnamed") from None
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed) as error:
        # psycopg's message may quote a row or the connection string; the error's type is enough for diagnosis.
        raise DatabaseUnavailable(f"PostgreSQL is not reachable or too slow ({type(error).__name__})") from None
    except psycopg.Error as error:
        raise StatementRefused(f"PostgreSQL refused a statement ({type(error).__name__})") from None


def _sql(query: str) -> LiteralString:
    return QUERIES[query]


def _adapted(parameters: Mapping[str, object]) -> dict[str, object]:
    return {name: Json(value) if isinstance(value, dict) else value for name, value in parameters.items()}
