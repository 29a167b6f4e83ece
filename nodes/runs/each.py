"""Process several users concurrently: one that fails is left for the next run and doesn't affect the others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from nodes.errors import Failure
from nodes.node import run_log
from nodes.problems import slug_of

Item = TypeVar("Item")
Result = TypeVar("Result")

# Stripe allows 100 calls a second for a live account and 25 for a test one; 8 concurrent users make about 50.
CONCURRENCY = 8


async def for_each(
    items: Iterable[Item], work: Callable[[Item], Awaitable[Result]], *, user_of: Callable[[Item], str]
) -> tuple[list[Result], dict[str, str]]:
    """Return the results of `work`, and failures' names by user. Any error that is no `Failure` is raised."""
    places = asyncio.Semaphore(CONCURRENCY)
    failed: dict[str, str] = {}

    async def one(item: Item) -> list[Result]:
        async with places:
            try:
                return [await work(item)]
            except Failure as failure:
                failed[user_of(item)] = slug_of(failure)
                run_log().warning("user %s is left for the next run: %s", user_of(item), failure)
                return []

    done = await asyncio.gather(*(one(item) for item in items))
    return [result for results in done for result in results], failed
