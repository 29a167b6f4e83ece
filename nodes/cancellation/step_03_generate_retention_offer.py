"""Step 3: determine the retention offer for this subscription, if any."""

from dataclasses import dataclass

from nodes.cancellation.records import CancellationCase, OfferMade
from nodes.node import node, run_log
from nodes.offers.current import current_offer
from nodes.rules.offers import Fate, RetentionOffer
from nodes.services import services


@dataclass(frozen=True)
class _Reserved:
    plan: str
    percent_off: int
    months: int
    coupon_id: str
    current_discount: Fate | None
    entitlements: list[str]
    withdrawn: bool


@node("Generate Retention Offer", step="3")
async def generate_retention_offer(case: CancellationCase) -> OfferMade:
    """Return the plan's offer, unless one was used within 6 months or a discount is active (FEATURES W04, W31, F06)."""
    terms = await _reserved(case) or await current_offer(case.subscription, case.request.id)
    run_log().info("offer: %s", terms.description if terms else "none")
    return OfferMade(case, terms)


async def _reserved(case: CancellationCase) -> RetentionOffer | None:
    """Return the offer that an earlier run of this request reserved; its terms hold even if the offer has changed.

    An offer withdrawn after a failure counts only if its discount is in Stripe.
    """
    request = case.request
    if not (request.accept_offer and request.begun):
        return None
    async with services().database.as_user(request.user_id) as transaction:
        reserved = await transaction.one("offer_of_request", _Reserved, request_id=request.id)
    if reserved is None or (reserved.withdrawn and not case.subscription.billed.discount_of(reserved.coupon_id)):
        return None
    return RetentionOffer(
        reserved.plan, reserved.percent_off, reserved.months, tuple(reserved.entitlements), reserved.current_discount
    )
