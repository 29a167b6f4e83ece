"""A change that the company's page says that it made: what Stripe shows of it counts (FEATURES C15)."""

from nodes.changes.records import ChangeCase
from nodes.node import run_log
from nodes.offers.agreed import Agreed
from nodes.offers.from_stripe import agreed_in_stripe, scheduled_in_stripe
from nodes.offers.made_in_stripe import Recorded, unrecorded
from nodes.refusals import ActionNotSeen
from nodes.rules.stripe_changes import Change
from nodes.rules.ways_to_stay import ChangeKind
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
    billed, plan = subscription.billed, subscription.plan
    price = request.choice.get("price")
    if request.kind == "plan_change" and billed.scheduled and billed.scheduled.price.id == price:
        return await scheduled_in_stripe(billed, billed.scheduled)
    async with services().database.as_user(request.user_id) as transaction:
        [recorded] = await transaction.all("recorded_changes", Recorded, subscription_id=subscription.id)
    found = unrecorded(_REPORTED_AS[request.kind], plan, billed, recorded)
    agreed = await agreed_in_stripe(request.kind, plan, billed) if found == request.kind else None
    if agreed is None or (request.kind == "plan_change" and agreed.price_id != price):
        raise ActionNotSeen
    run_log().info("made by the page: %s", request.kind)
    return agreed
