"""Step 9: delete customers' replies that came 90 days ago."""

from nodes.node import node
from nodes.pruning.batches import in_batches
from nodes.services import services


@node("Prune Replies", step="9")
async def prune_replies() -> int:
    """Return the number of deleted replies; most are gone before, with the reason of their cancellation."""
    return await in_batches(_delete)


async def _delete(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [deleted] = await transaction.values("prune_replies", at_most=at_most)
    return int(deleted)
