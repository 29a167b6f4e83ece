"""Step 4: forget what customers wrote on the cancel page and never sent."""

from nodes.node import node
from nodes.pruning.batches import in_batches
from nodes.services import services


@node("Prune Session Texts", step="4")
async def prune_session_texts() -> int:
    """Return the number of sessions. A session can be resumed for a day, and its events hold no text."""
    return await in_batches(_forget)


async def _forget(at_most: int) -> int:
    async with services().database.without_user() as transaction:
        [forgotten] = await transaction.values("prune_session_texts", at_most=at_most)
    return int(forgotten)
