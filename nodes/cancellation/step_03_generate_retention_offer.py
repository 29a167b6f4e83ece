"""Step 3: what we can offer this subscription, if anything."""

from prefect.logging import get_run_logger

from nodes.cancellation.look_up import current_offer
from nodes.cancellation.records import CancellationCase, OfferMade
from nodes.node import node


@node("Generate Retention Offer", step="3")
async def generate_retention_offer(case: CancellationCase) -> OfferMade:
    """The plan's offer, unless one was applied within 6 months (FEATURES W04, W31)."""
    terms = await current_offer(case.subscription, case.request.id)
    get_run_logger().info("offer: %s", terms.description if terms else "none")
    return OfferMade(case, terms)
