"""Step 1: delete idempotency keys older than 24 hours."""

from nodes.node import node
from nodes.pruning.batches import in_batches
from nodes.services import services


@node("Prune Idempotency Keys", step="1")
async def prune_idempotency_keys() -> int:
    """Return the number of deleted keys. They had already expired, and their requests stay."""
    return await in_batches(_delete)


async def _delete(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [deleted] = await transaction.values("prune_idempotency_keys", at_most=at_most)
    return int(deleted)
