"""Deletes in batches, each a transaction of its own, so that no customer's request waits for a long one."""

from collections.abc import Awaitable, Callable

BATCH = 1000


async def in_batches(delete: Callable[[int], Awaitable[int]]) -> int:
    """Call `delete` with how many rows it may delete, until it finds no full batch; how many it deleted in all."""
    deleted = 0
    while (batch := await delete(BATCH)) == BATCH:
        deleted += batch
    return deleted + batch
