"""A subscription in the component's format."""

from typing import Any

from nodes.clients.billing.objects import BillingSubscription, Item
from nodes.messages.customer_locale import CustomerLocale
from nodes.rules.dates import rfc3339
from nodes.services import services
from nodes.subscriptions.records import ActiveSubscription

# What the component calls a status of Stripe's; any other is `unpaid`.
_STATUSES = {"active": "active", "past_due": "active", "trialing": "trial"}


def subscription_as_json(subscription: ActiveSubscription, reads: CustomerLocale) -> dict[str, Any]:
    """Return the subscription with its plan's name, its state and its discounts."""
    billed = subscription.billed
    name = services().catalog.plan(subscription.plan).name(reads.locale)
    return {
        "id": subscription.id,
        "start": rfc3339(billed.started_at or billed.current_period_start),
        "status": _status(billed),
        "items": [_item(each, name, billed.currency) for each in billed.items],
        "discounts": [
            {
                "id": each.id,
                "coupon": {"id": each.coupon_id},
                **({"end": rfc3339(each.ends_at)} if each.ends_at else {}),
            }
            for each in billed.discounts_in_force
            if each.runs(billed.read_at)
        ],
    }


def _status(billed: BillingSubscription) -> dict[str, Any]:
    period = {"start": rfc3339(billed.current_period_start), "end": rfc3339(billed.current_period_end)}
    if billed.pause:  # Stripe doesn't say when it began
        pause = {"end": rfc3339(billed.pause.resumes_at)} if billed.pause.resumes_at else {}
        return {"name": "paused", "pause": pause, "currentPeriod": period}
    name = _STATUSES.get(billed.status, "unpaid")
    trial = (
        {"trial": period | {"end": rfc3339(billed.trial_ends_at)}} if name == "trial" and billed.trial_ends_at else {}
    )
    return {"name": name, **trial, "currentPeriod": period}


def _item(item: Item, plan: str, currency: str) -> dict[str, Any]:
    amount = {"currency": currency, **({"model": "tiered"} if item.amount is None else {"value": item.amount})}
    price: dict[str, Any] = {"id": item.price.id, "name": plan, "amount": amount}
    if item.interval:
        price["duration"] = {"interval": item.interval[0], "intervalCount": item.interval[1]}
    return {"id": item.id, "price": price, **({"quantity": item.quantity} if item.quantity is not None else {})}
