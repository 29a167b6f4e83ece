"""A run's hold on its work: renewed while the run lives, so that only what was left is taken up again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from nodes.errors import CancelflowError
from nodes.node import run_log

# A third of the lease (sql/migrations/0003): two renewals may be lost before another process takes the work.
RENEW_EVERY_SECONDS = 5.0


@asynccontextmanager
async def leased(renew: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Renew the lease until the block ends. Every step may be run twice, so a lease that is lost does no harm."""
    ended = asyncio.Event()
    renewing = asyncio.create_task(_renew(renew, ended))
    try:
        yield
    finally:
        # Both: of a cancellation that meets a renewal in a database that is away, only the failure may be left. A lease
        # that is renewed for ever is work that nobody takes up again.
        ended.set()
        renewing.cancel()


async def _renew(renew: Callable[[], Awaitable[None]], ended: asyncio.Event) -> None:
    while not ended.is_set():
        await asyncio.sleep(RENEW_EVERY_SECONDS)
        try:
            await renew()
        except CancelflowError as error:
            run_log().warning("the lease is not renewed: %s", error)
