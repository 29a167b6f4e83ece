"""Step 7: delete codes for cancelling without a login that are older than an hour."""

from nodes.node import node
from nodes.pruning.batches import in_batches
from nodes.services import services


@node("Prune Cancel Codes", step="7")
async def prune_cancel_codes() -> int:
    """Return the number of deleted codes. They expired after 15 minutes, and count for no limit any more."""
    return await in_batches(_delete)


async def _delete(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [deleted] = await transaction.values("prune_cancel_codes", at_most=at_most)
    return int(deleted)
