"""Step 1: one page of the subscriptions whose revenue is counted."""

from nodes.clients.database import WithOffer
from nodes.node import node, run_log
from nodes.services import services

# Few enough that progress shows, and that what a page has paid fits into memory.
PAGE = 100


@node("List Subscriptions With An Offer", step="1")
async def list_subscriptions_with_an_offer(after: str) -> list[WithOffer]:
    """Those that took an offer within 13 months, after this id: ids and when (FEATURES W36)."""
    found = await services().database.subscriptions_with_an_offer(after, PAGE)
    run_log().info("%d subscriptions after %s", len(found), after or "the first")
    return found
