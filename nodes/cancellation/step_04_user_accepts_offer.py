"""Step 4: branch on the customer's decision, and check that there is an offer to accept."""

from nodes.cancellation.records import Decision, OfferMade
from nodes.node import node, run_log
from nodes.refusals.changes import OfferUnavailable


@node("User Accepts Offer?", step="4")
async def user_accepts_offer(offer: OfferMade) -> Decision:
    """Continue with 5A if the offer is accepted, else with 5B (FEATURES W07). Refuse if there is no offer to accept."""
    if not offer.case.request.accept_offer:
        run_log().info("no: cancel")
        return Decision(offer.case, accepted=None)
    if offer.terms is None:
        raise OfferUnavailable
    run_log().info("yes: apply the discount")
    return Decision(offer.case, accepted=offer.terms)
