"""Step 8: forget what customers said 90 days ago, and delete tasks that were done as long ago."""

from dataclasses import dataclass

from nodes.node import node
from nodes.pruning.batches import in_batches
from nodes.services import services


@dataclass(frozen=True)
class Pruned:
    """The number of tasks that were deleted, and of those that stay without their text."""

    deleted: int
    texts: int


@node("Prune Tasks", step="8")
async def prune_tasks() -> Pruned:
    """Keep a customer's text no longer than feedback (FEATURES W30). A task that is still open stays."""
    return Pruned(deleted=await in_batches(_delete), texts=await in_batches(_forget))


async def _delete(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [deleted] = await transaction.values("prune_tasks", at_most=at_most)
    return int(deleted)


async def _forget(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [forgotten] = await transaction.values("forget_said", at_most=at_most)
    return int(forgotten)
