"""Step 6: delete consents of customers whose other data was deleted five years ago."""

from nodes.node import node
from nodes.pruning.batches import in_batches
from nodes.services import services


@node("Prune Consents", step="6")
async def prune_consents() -> int:
    """Return the number of deleted entries, which prove nothing that could still be questioned."""
    return await in_batches(_prune)


async def _prune(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [pruned] = await transaction.values("prune_consents", at_most=at_most)
    return int(pruned)
