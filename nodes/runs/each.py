"""Several users at once, each on their own: one whose part fails is left for the next run and holds up nobody."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from nodes.errors import Failure
from nodes.node import run_log
from nodes.problems import slug_of

Item = TypeVar("Item")
Result = TypeVar("Result")

# Stripe takes 100 calls a second of a live account and 25 of a test one; at 8 at once we ask some 50.
CONCURRENCY = 8


async def for_each(
    items: Iterable[Item], work: Callable[[Item], Awaitable[Result]], *, user_of: Callable[[Item], str]
) -> tuple[list[Result], dict[str, str]]:
    """Return what `work` returned, and by user the name of the failure; any error that is no `Failure` is raised."""
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
