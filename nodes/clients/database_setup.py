"""How the company's PostgreSQL is set up: its version, roles, row-level security and migrations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg

from nodes.clients.database import Transaction
from nodes.clients.database_connections import (
    APPLICATION_ROLE,
    CONNECT_TIMEOUT_SECONDS,
    STATEMENT_TIMEOUT_MS,
    TRANSACTION_SECONDS,
    cut_after,
)
from nodes.errors import DatabaseUnavailable, StatementRefused


@dataclass(frozen=True)
class Login:
    """Who DATABASE_URL logs in as, and the application's role. Unconfined: a superuser, or one that bypasses policies.

    `version`: as PostgreSQL counts, 180006 for 18.6.
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
    """Who DATABASE_ADMIN_URL logs in as."""

    login: str
    database: str
    started_at: datetime
    may_migrate: bool
    migrated: bool


@dataclass(frozen=True)
class ProtectedTable:
    """A table with users' rows, and whether the application sees only the rows of the user that it names."""

    name: str
    forced: bool
    confined: bool


class DatabaseSetup:
    """One connection, as the role that logs in. There is no retry: an operator runs the command again."""

    def __init__(self, connection: psycopg.AsyncConnection[object]) -> None:
        self._transaction = Transaction(connection)

    async def login(self) -> Login:
        """Return who logged in here, and what the application's role is."""
        [found] = await self._transaction.all("setup_of_login", Login, role=APPLICATION_ROLE)
        return found

    async def owner(self) -> Owner:
        """Return what the role that logged in here may do as the owner."""
        [found] = await self._transaction.all("setup_of_owner", Owner)
        return found

    async def may_act_as_application(self) -> bool:
        """Return whether this login may act as the application's role, which it does from then on."""
        try:
            await self._transaction.run(
                "act_as_application", role=APPLICATION_ROLE, statement_timeout_ms=str(STATEMENT_TIMEOUT_MS)
            )
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True

    async def tables(self) -> list[ProtectedTable]:
        """Return each table with users' rows that the application's role may touch."""
        return await self._transaction.all("setup_of_tables", ProtectedTable, role=APPLICATION_ROLE)

    async def migrations(self) -> list[str]:
        """Return the names of the migrations that were applied. Needs the owner."""
        return await self._transaction.values("setup_of_migrations")

    async def time(self) -> datetime:
        """Return the time by PostgreSQL's clock."""
        [now] = await self._transaction.values("setup_of_clock")
        found: datetime = now
        return found


@asynccontextmanager
async def inspecting(url: str) -> AsyncIterator[DatabaseSetup]:
    """Connect, for a few seconds at most. Raises `DatabaseUnavailable` and `StatementRefused`."""
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
