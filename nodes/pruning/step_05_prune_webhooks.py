"""Step 5: delete the deliveries of old webhooks."""

from nodes.node import node
from nodes.pruning.batches import in_batches
from nodes.services import services


@node("Prune Webhooks", step="5")
async def prune_webhooks() -> int:
    """Return the number of deleted deliveries. For 30 days after its event, one can be replayed."""
    return await in_batches(_delete)


async def _delete(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [deleted] = await transaction.values("prune_webhooks", at_most=at_most)
    return int(deleted)
