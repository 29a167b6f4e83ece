"""What a dashboard shows besides the row: running discounts, a scheduled change, and the next charge."""

from typing import Any

from email_templates.money import money
from nodes.messages.customer_locale import customer_locale
from nodes.offers.charges import charges_of
from nodes.offers.from_stripe import next_charge
from nodes.rules.dates import rfc3339
from nodes.rules.statuses import is_live
from nodes.services import services
from nodes.subscriptions.records import ActiveSubscription


async def live_members(subscription: ActiveSubscription) -> dict[str, Any]:
    """Return the members of `GET /subscription` that only Stripe knows. Raises `BillingFailed`."""
    billed = subscription.billed
    if not is_live(billed.status):
        return {"discounts": [], "scheduled_change": None, "next_charge": None}
    async with services().database.as_user(subscription.user_id) as transaction:
        reads = await customer_locale(transaction, subscription.user_id)
    charges = await charges_of(billed)
    coming, scheduled = await next_charge(charges), billed.scheduled
    plan = services().catalog.plan_of([scheduled.price]) if scheduled else None
    return {
        "discounts": [
            {"coupon": each.coupon_id, "until": rfc3339(each.ends_at) if each.ends_at else None}
            for each in billed.discounts_in_force
            if each.runs(charges.now)
        ],
        "scheduled_change": {
            "price": scheduled.price.id,
            "plan_name": services().catalog.plan(plan).name(reads.locale) if plan else None,
            "at": rfc3339(scheduled.starts_at),
        }
        if scheduled
        else None,
        "next_charge": {
            "amount": coming.next_charge,
            "currency": coming.currency,
            "formatted": money(coming.next_charge, coming.currency, reads.locale),
            "at": rfc3339(coming.next_charge_at),
        }
        if coming
        else None,
    }
