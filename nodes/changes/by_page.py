"""A change that the company's page says that it made: what Stripe shows of it counts (FEATURES C15)."""

from dataclasses import replace
from datetime import datetime

from nodes.changes.records import ChangeCase
from nodes.clients.billing.objects import BillingSubscription
from nodes.node import run_log
from nodes.offers.agreed import Agreed
from nodes.offers.from_stripe import agreed_in_stripe, scheduled_in_stripe
from nodes.offers.made_in_stripe import Recorded, unrecorded
from nodes.refusals.carriers import ActionNotSeen
from nodes.rules.stripe_changes import Change
from nodes.rules.ways_to_stay import ChangeKind, DiscountTerms
from nodes.services import services

# By which Stripe's events report each kind.
_REPORTED_AS: dict[ChangeKind, Change] = {
    "discount": Change.DISCOUNT,
    "pause": Change.PAUSE,
    "plan_change": Change.PRICE,
    "trial_extension": Change.TRIAL,
}


async def made_by_page(case: ChangeCase) -> Agreed:
    """Return the change as Stripe shows it, which may differ from the offer in its dates. Raises `ActionNotSeen`."""
    request, subscription = case.request, case.subscription
    billed, price = subscription.billed, request.choice.get("price")
    if request.kind == "plan_change" and billed.scheduled and billed.scheduled.price.id == price:
        return await scheduled_in_stripe(billed, billed.scheduled)
    if request.kind == "discount":
        billed = _with_its_coupon_first(case)
    async with services().database.as_user(request.user_id) as transaction:
        [recorded] = await transaction.all("recorded_changes", Recorded, subscription_id=subscription.id)
        [trial_end] = await transaction.values("trial_end_on_record", subscription_id=subscription.id)
    if unrecorded(_REPORTED_AS[request.kind], subscription.plan, billed, recorded) != request.kind:
        raise ActionNotSeen
    if request.kind == "trial_extension" and not _is_later(billed.trial_ends_at, trial_end):
        raise ActionNotSeen
    agreed = await agreed_in_stripe(request.kind, subscription.plan, billed)
    if request.kind == "plan_change" and agreed.price_id != price:
        raise ActionNotSeen
    run_log().info("made by the page: %s", request.kind)
    return agreed


def _with_its_coupon_first(case: ChangeCase) -> BillingSubscription:
    """Return the subscription with the offer's discount before any other, which decides what was accepted."""
    billed = case.subscription.billed
    offers = services().catalog.plan(case.subscription.plan).all_offers
    terms = next((each.terms for each in offers if each.id == case.request.offer_id), None)
    found = billed.discount_of(terms.coupon_id) if isinstance(terms, DiscountTerms) else None
    if found is None:
        raise ActionNotSeen
    return replace(billed, discounts=(found, *(each for each in billed.discounts if each != found)))


def _is_later(found: datetime | None, on_record: datetime | None) -> bool:
    return found is not None and on_record is not None and found > on_record
