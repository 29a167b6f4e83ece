"""Step 4A: attach the offer's coupon, in addition to a current discount or in its place."""

from nodes.changes.apply import applied, is_to_do
from nodes.changes.records import Accepted, Applied
from nodes.clients.billing.objects import BillingSubscription
from nodes.node import node
from nodes.offers.reservation import withdrawn_on_failure
from nodes.rules.ways_to_stay import DiscountTerms
from nodes.services import services


@node("Apply Discount", step="4A")
async def apply_discount(accepted: Accepted) -> Applied:
    """Attach the coupon in Stripe and read it back (FEATURES C27, F05, F06)."""
    request, billed, agreed = accepted.case.request, accepted.case.subscription.billed, accepted.agreed
    billing, coupon_id = services().billing, str(agreed.coupon_id)
    keep = () if agreed.current_discount == "replaced" else billed.discounts_in_force

    async def attach() -> BillingSubscription:
        return await billing.apply_coupon(billed.id, coupon_id, keep=keep, key=request.billing_key("4A"))

    async with withdrawn_on_failure(request.id, request.user_id):
        if agreed.single_use and is_to_do(accepted):
            terms = _terms(accepted)
            await billing.coupons.ensure_single_use(terms, coupon_id, key=request.billing_key("4A:coupon"))
        return await applied(accepted, attach)


def _terms(accepted: Accepted) -> DiscountTerms:
    offers = services().catalog.plan(accepted.case.subscription.plan).all_offers
    found = next(each.terms for each in offers if each.id == accepted.case.request.offer_id)
    if not isinstance(found, DiscountTerms):
        raise TypeError(f"the offer {accepted.case.request.offer_id} is no discount")
    return found
