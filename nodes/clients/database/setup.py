"""Setup checks for the company's PostgreSQL: version, roles, row-level security and migrations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg

from nodes.clients.database.client import Transaction
from nodes.clients.database.connections import (
    APPLICATION_ROLE,
    CONNECT_TIMEOUT_SECONDS,
    STATEMENT_TIMEOUT_MS,
    TRANSACTION_SECONDS,
    cut_after,
)
from nodes.errors import DatabaseUnavailable, StatementRefused


@dataclass(frozen=True)
class Login:
    """The login role of DATABASE_URL, and the application's role. Unconfined: superuser or BYPASSRLS.

    `version`: in PostgreSQL's numeric form, 180006 for 18.6.
    """

    version: int
    database: str
    started_at: datetime
    login: str
    login_unconfined: bool
    role_exists: bool
    role_unconfined: bool
    role_owns: bool


@dataclass(frozen=True)
class Owner:
    """The login role of DATABASE_ADMIN_URL."""

    login: str
    database: str
    started_at: datetime
    may_migrate: bool
    migrated: bool


@dataclass(frozen=True)
class ProtectedTable:
    """A table with users' rows. `confined`: the application sees only the rows of the user that it names."""

    name: str
    forced: bool
    confined: bool


class DatabaseSetup:
    """A connection as the login role. Without retries: the operator can run the command again."""

    def __init__(self, connection: psycopg.AsyncConnection[object]) -> None:
        self._transaction = Transaction(connection)

    async def login(self) -> Login:
        """Return the properties of the login role and of the application's role."""
        [found] = await self._transaction.all("setup_of_login", Login, role=APPLICATION_ROLE)
        return found

    async def owner(self) -> Owner:
        """Return the properties of the login role as the owner of the database."""
        [found] = await self._transaction.all("setup_of_owner", Owner)
        return found

    async def may_act_as_application(self) -> bool:
        """Switch to the application's role; return whether that is permitted."""
        try:
            await self._transaction.run(
                "act_as_application", role=APPLICATION_ROLE, statement_timeout_ms=str(STATEMENT_TIMEOUT_MS)
            )
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True

    async def tables(self) -> list[ProtectedTable]:
        """Return each table with users' rows that the application's role can access."""
        return await self._transaction.all("setup_of_tables", ProtectedTable, role=APPLICATION_ROLE)

    async def migrations(self) -> list[str]:
        """Return the names of the applied migrations. Needs the owner's login."""
        return await self._transaction.values("setup_of_migrations")

    async def time(self) -> datetime:
        """Return the time by PostgreSQL's clock."""
        [now] = await self._transaction.values("setup_of_clock")
        found: datetime = now
        return found


@asynccontextmanager
async def inspecting(url: str) -> AsyncIterator[DatabaseSetup]:
    """Connect for a few seconds at most. Raises `DatabaseUnavailable` and `StatementRefused`."""
    try:
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS, application_name="cancelflow doctor"
        )
        async with connection:
            with cut_after(connection, TRANSACTION_SECONDS):
                yield DatabaseSetup(connection)
    except psycopg.OperationalError as error:
        # libpq's first line names host, user and database, and never the password.
        raise DatabaseUnavailable(str(error).partition("\n")[0]) from None
    except psycopg.Error as error:
        raise StatementRefused(f"PostgreSQL refused to show it ({type(error).__name__})") from None
