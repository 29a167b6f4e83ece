"""Step 11: delete the ids of results that came 90 days ago for calls that are not known here."""

from nodes.node import node
from nodes.pruning.batches import in_batches
from nodes.services import services


@node("Prune Unknown Calls", step="11")
async def prune_unknown_calls() -> int:
    """Return the number of deleted rows."""
    return await in_batches(_delete)


async def _delete(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [deleted] = await transaction.values("prune_unknown_calls", at_most=at_most)
    return int(deleted)
