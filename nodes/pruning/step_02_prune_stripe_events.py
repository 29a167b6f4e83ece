"""Step 2: delete Stripe's events that were handled more than a month ago."""

from nodes.node import node
from nodes.pruning.batches import in_batches
from nodes.services import services


@node("Prune Stripe Events", step="2")
async def prune_stripe_events() -> int:
    """Return the number of deleted events. Stripe doesn't resend events that old, and their effects stay."""
    return await in_batches(_delete)


async def _delete(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [deleted] = await transaction.values("prune_stripe_events", at_most=at_most)
    return int(deleted)
