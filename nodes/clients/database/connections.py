"""PostgreSQL connections: the application's role, timeouts, and detection of dead connections."""

import asyncio
import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import AsyncConnectionPool

from nodes.settings import DatabaseSettings
from sql import QUERIES

# The role that the row-level security policies apply to. The application switches to it whatever role logs in.
APPLICATION_ROLE = "cancelflow_app"

# Statements take milliseconds; one that takes seconds is waiting on a lock or a sick server, and delays the customer.
STATEMENT_TIMEOUT_MS = 3000
CONNECT_TIMEOUT_SECONDS = 3
POOL_TIMEOUT_SECONDS = 3.0
# A server that hangs cannot apply its own timeout, so the client cuts the connection after this long.
TRANSACTION_SECONDS = 4.0
ALIVE_SECONDS = 1.0
# A run has many transactions; without this limit, each would probe a connection that has just responded.
ASKED_EVERY_SECONDS = 1.0


def connections(settings: DatabaseSettings) -> AsyncConnectionPool[psycopg.AsyncConnection[Any]]:
    """Return the connection pool, not yet opened."""
    return AsyncConnectionPool(
        settings.database_url.get_secret_value(),
        min_size=1,
        max_size=settings.database_pool_size,
        timeout=POOL_TIMEOUT_SECONDS,
        open=False,
        check=_alive,  # replaces connections that died in a server restart
        configure=_act_as_application,
        kwargs={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": "cancelflow",
            "autocommit": True,  # transactions begin explicitly (sql/queries)
        },
    )


@contextmanager
def cut_after(connection: psycopg.AsyncConnection[Any], seconds: float) -> Iterator[None]:
    """Cut the connection if the block takes longer: calls waiting on it fail immediately, as if the server closed it.

    A connection whose server has already responded is not cut: then this process is too busy to read. `asyncio.timeout`
    doesn't work here: on cancellation, psycopg asks the server to cancel and waits, even for a server that hangs.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def cut() -> None:
        nonlocal timer
        if connection.closed:
            return
        if _has_something_to_say(connection):
            timer = loop.call_later(seconds, cut)
            return
        with socket.socket(fileno=os.dup(connection.pgconn.socket)) as wire, suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)

    timer = loop.call_later(seconds, cut)
    try:
        yield
    finally:
        timer.cancel()


_asked_at: WeakKeyDictionary[psycopg.AsyncConnection[Any], float] = WeakKeyDictionary()


async def _alive(connection: psycopg.AsyncConnection[Any]) -> None:
    """Raise if the connection is dead."""
    now = asyncio.get_running_loop().time()
    if now - _asked_at.get(connection, 0.0) < ASKED_EVERY_SECONDS and not _has_something_to_say(connection):
        return
    with cut_after(connection, ALIVE_SECONDS):
        await AsyncConnectionPool.check_connection(connection)
    _asked_at[connection] = now


def _has_something_to_say(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Return whether bytes wait to be read; unrequested ones mean that the server is closing the connection."""
    unasked = select.poll()
    unasked.register(connection.fileno(), select.POLLIN)
    return bool(unasked.poll(0))


async def _act_as_application(connection: psycopg.AsyncConnection[Any]) -> None:
    who = {"role": APPLICATION_ROLE, "statement_timeout_ms": str(STATEMENT_TIMEOUT_MS)}
    await connection.execute(QUERIES["act_as_application"], who)
