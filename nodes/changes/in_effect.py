"""Whether Stripe shows a change, so that a run that was cut off doesn't make it again."""

from nodes.clients.billing.objects import BillingSubscription
from nodes.offers.agreed import Agreed
from nodes.rules.ways_to_stay import ChangeKind


def is_in_effect(kind: ChangeKind, agreed: Agreed, billed: BillingSubscription) -> bool:
    """Return whether the subscription shows the change; a link changes nothing, so it always is."""
    match kind:
        case "discount":
            return agreed.coupon_id is not None and billed.discount_of(agreed.coupon_id) is not None
        case "pause":
            return billed.pause is not None and billed.pause.resumes_at == agreed.resumes_at
        case "resume":
            return billed.pause is None
        case "trial_extension":
            return billed.trial_ends_at == agreed.trial_ends_at
        case "plan_change" if agreed.when == "period_end":
            return billed.scheduled is not None and billed.scheduled.price.id == agreed.price_id
        case "plan_change":
            return agreed.price_id in {price.id for price in billed.prices}
        case _:
            return True
