"""One Prefect client for the life of the process, instead of two new ones a run, each with a TLS context of its own."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from prefect.context import AsyncClientContext, SyncClientContext

log = logging.getLogger(__name__)


@asynccontextmanager
async def warm_client() -> AsyncIterator[None]:
    """Runs that start in this context share its clients. Without a server, each run makes its own, and fails alone."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(AsyncClientContext.get_or_create())
            stack.enter_context(SyncClientContext.get_or_create())
        except Exception as error:  # a part that is away is for /readyz to tell, and no reason not to start
            log.warning("the Prefect server is not reachable yet: %s", type(error).__name__)
        yield
