"""Connections to PostgreSQL: who we act as, how long we wait, and how one that died is found out."""

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

# The role that row-level security is written for. Whoever logs in, the application acts as this one.
APPLICATION_ROLE = "cancelflow_app"

# Our statements take milliseconds; one that takes seconds waits on a lock or on a sick server, and the customer on it.
STATEMENT_TIMEOUT_MS = 3000
CONNECT_TIMEOUT_SECONDS = 3
POOL_TIMEOUT_SECONDS = 3.0
# A server that hangs cannot apply its own timeout: after this long its connection is cut on our side.
TRANSACTION_SECONDS = 4.0
ALIVE_SECONDS = 1.0
# A run has ten transactions: each would ask a connection that answered the one before.
ASKED_EVERY_SECONDS = 1.0


def connections(settings: DatabaseSettings) -> AsyncConnectionPool[psycopg.AsyncConnection[Any]]:
    """Return the pool, not open yet."""
    return AsyncConnectionPool(
        settings.database_url.get_secret_value(),
        min_size=1,
        max_size=settings.database_pool_size,
        timeout=POOL_TIMEOUT_SECONDS,
        open=False,
        check=_alive,  # one that died in a restart is replaced, not handed out
        configure=_act_as_application,
        kwargs={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": "cancelflow",
            "autocommit": True,  # transactions begin as we say (sql/queries)
        },
    )


@contextmanager
def cut_after(connection: psycopg.AsyncConnection[Any], seconds: float) -> Iterator[None]:
    """Cut the connection if the block takes longer: what waits on it fails immediately, as if the server had.

    A server that has answered is not cut: then it is this process that is too busy to read. Not `asyncio.timeout`:
    psycopg answers that by asking the server to cancel, and waits for a server that hangs.
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
    """Raise if it died."""
    now = asyncio.get_running_loop().time()
    if now - _asked_at.get(connection, 0.0) < ASKED_EVERY_SECONDS and not _has_something_to_say(connection):
        return
    with cut_after(connection, ALIVE_SECONDS):
        await AsyncConnectionPool.check_connection(connection)
    _asked_at[connection] = now


def _has_something_to_say(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Return whether bytes wait to be read; a server that nobody asked anything says only that it goes."""
    unasked = select.poll()
    unasked.register(connection.fileno(), select.POLLIN)
    return bool(unasked.poll(0))


async def _act_as_application(connection: psycopg.AsyncConnection[Any]) -> None:
    who = {"role": APPLICATION_ROLE, "statement_timeout_ms": str(STATEMENT_TIMEOUT_MS)}
    await connection.execute(QUERIES["act_as_application"], who)
