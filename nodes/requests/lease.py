"""A run's lease on its work, renewed while the run lives, so that only work whose run died is resumed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from nodes.errors import CancelflowError
from nodes.node import run_log

# A third of the lease (sql/migrations/0003): two renewals may fail before another process claims the work.
RENEW_EVERY_SECONDS = 5.0


@asynccontextmanager
async def leased(renew: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Renew the lease until the block ends. Every step is safe to repeat, so a lost lease does no harm."""
    ended = asyncio.Event()
    renewing = asyncio.create_task(_renew(renew, ended))
    try:
        yield
    finally:
        # The event too: a renewal that fails may swallow the cancellation, and a lease that is renewed forever would
        # keep the work from being resumed.
        ended.set()
        renewing.cancel()


async def _renew(renew: Callable[[], Awaitable[None]], ended: asyncio.Event) -> None:
    while not ended.is_set():
        await asyncio.sleep(RENEW_EVERY_SECONDS)
        try:
            await renew()
        except CancelflowError as error:
            run_log().warning("could not renew the lease: %s", error)
