"""Step 3: delete counts of attempts whose minute has passed."""

from nodes.node import node
from nodes.pruning.batches import in_batches
from nodes.services import services


@node("Prune Attempts", step="3")
async def prune_attempts() -> int:
    """Return the number of deleted rows, one per user with attempts."""
    return await in_batches(_delete)


async def _delete(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [deleted] = await transaction.values("prune_attempts", at_most=at_most)
    return int(deleted)
