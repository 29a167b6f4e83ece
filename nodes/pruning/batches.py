"""Delete in batches, one transaction each, so that no customer's request waits for a long transaction."""

from collections.abc import Awaitable, Callable

BATCH = 1000


async def in_batches(delete: Callable[[int], Awaitable[int]]) -> int:
    """Call `delete` with the batch size until a batch is not full; return the total number of deleted rows."""
    deleted = 0
    while (batch := await delete(BATCH)) == BATCH:
        deleted += batch
    return deleted + batch
