"""Step 10: delete the records of emails about fixes 90 days later; counts of them stay."""

from nodes.node import node
from nodes.pruning.batches import in_batches
from nodes.services import services


@node("Prune Win-backs", step="10")
async def prune_win_backs() -> int:
    """Return the number of deleted records."""
    return await in_batches(_delete)


async def _delete(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [deleted] = await transaction.values("prune_win_backs", at_most=at_most)
    return int(deleted)
