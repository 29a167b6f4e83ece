"""Step 4: the branch. The customer has decided; we only check that there is something to accept."""

from nodes.cancellation.records import Decision, OfferMade
from nodes.errors import OfferUnavailable
from nodes.node import node, run_log


@node("User Accepts Offer?", step="4")
async def user_accepts_offer(offer: OfferMade) -> Decision:
    """True leads to 5A, false to 5B (FEATURES W07). Accepting what is not offered is refused and changes nothing."""
    if not offer.case.request.accept_offer:
        run_log().info("no: cancel")
        return Decision(offer.case, accepted=None)
    if offer.terms is None:
        raise OfferUnavailable
    run_log().info("yes: apply the discount")
    return Decision(offer.case, accepted=offer.terms)
