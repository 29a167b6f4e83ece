"""Step 1: list one page of the subscriptions whose revenue is counted."""

from nodes.clients.database.client import WithOffer
from nodes.node import node, run_log
from nodes.services import services

# Small enough to show progress and to hold a page's invoices in memory.
PAGE = 100


@node("List Subscriptions With An Offer", step="1")
async def list_subscriptions_with_an_offer(after: str) -> list[WithOffer]:
    """Return subscriptions after this id that accepted an offer within 15 months: ids and time (FEATURES W36)."""
    found = await services().database.subscriptions_with_an_offer(after, PAGE)
    run_log().info("%d subscriptions after %s", len(found), after or "the first")
    return found
