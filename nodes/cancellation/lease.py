"""A run's hold on its request: renewed while the run lives, so that only a request that was left is taken up again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from nodes.errors import CancelflowError
from nodes.node import run_log
from nodes.services import services

# A third of the lease (sql/migrations/0005): two renewals may be lost before another process takes the request.
RENEW_EVERY_SECONDS = 5.0


@asynccontextmanager
async def leased(request_id: UUID) -> AsyncIterator[None]:
    """Renew the lease until the block ends. Every step may be run twice, so a lease that is lost does no harm."""
    renewing = asyncio.create_task(_renew(request_id))
    try:
        yield
    finally:
        renewing.cancel()


async def _renew(request_id: UUID) -> None:
    while True:
        await asyncio.sleep(RENEW_EVERY_SECONDS)
        try:
            await services().database.renew_lease(request_id)
        except CancelflowError as error:
            run_log().warning("the lease is not renewed: %s", error)
