"""Changes made in Stripe's portal or dashboard, or by Stripe itself, that are not recorded here yet (FEATURES F29)."""

from dataclasses import dataclass
from datetime import datetime

from nodes.clients.billing.objects import BillingSubscription
from nodes.rules.stripe_changes import Change
from nodes.rules.ways_to_stay import ChangeKind
from nodes.services import services


@dataclass(frozen=True)
class Recorded:
    """The latest recorded changes of a subscription. `paused`: by the latest pause that was not resumed."""

    paused: bool
    resumes_at: datetime | None
    trial_ends_at: datetime | None
    price_id: str | None
    discount_ids: list[str]


def unrecorded(change: Change, plan: str, billed: BillingSubscription, recorded: Recorded) -> ChangeKind | None:
    """Return the kind of the change that the event reports, if Stripe still shows it and it is not recorded.

    Of changes of price, only those to a price that an offer leads to: any other is the company's own (WF-021).
    """
    match change:
        case Change.PAUSE if billed.pause is not None:
            known = recorded.paused and recorded.resumes_at == billed.pause.resumes_at
            return None if known else "pause"
        case Change.PAUSE:
            return "resume" if recorded.paused else None
        case Change.TRIAL if billed.status == "trialing":
            return None if recorded.trial_ends_at == billed.trial_ends_at else "trial_extension"
        case Change.PRICE:
            offered = services().catalog.offered_prices
            leads = [price for price in billed.prices if {price.id, price.lookup_key} & offered]
            return "plan_change" if leads and leads[0].id != recorded.price_id else None
        case Change.DISCOUNT:
            found = [each for each in billed.discounts if each.coupon_id in services().catalog.plan(plan).coupons]
            return "discount" if any(each.id not in recorded.discount_ids for each in found) else None
        case _:
            return None
