"""What is known about a subscription, for audiences (FEATURES C09, C10)."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

from nodes.clients.billing.objects import Item
from nodes.rules.blueprints.facts import Facts
from nodes.rules.periods import a_month
from nodes.subscriptions.records import ActiveSubscription


def facts_of(
    subscription: ActiveSubscription,
    now: datetime,
    *,
    locale: str = "",
    country: str | None = None,
    attributes: Mapping[str, object] | None = None,
    customer_metadata: Mapping[str, str] | None = None,
) -> Facts:
    """Return the facts of a subscription as read from Stripe, at a time by its clock.

    With several items, the first one's price and interval count, and the value is of all, at full price.

    Args:
        subscription: with its state in Stripe.
        now: by the subscription's clock.
        locale: the customer's, such as `de_AT`.
        country: the customer's, as ISO 3166 has it.
        attributes: as a token passed them.
        customer_metadata: of the customer in Stripe.
    """
    billed = subscription.billed
    first = billed.items[0] if billed.items else None
    return Facts(
        plan=subscription.plan,
        price=first.price.id if first else "",
        interval=first.interval[0] if first and first.interval else "",
        tenure=(now - billed.started_at).days if billed.started_at else 0,
        value=round(sum(map(_a_month, billed.items))),
        currency=billed.currency,
        country=country or "",
        language=locale.replace("-", "_").partition("_")[0].lower(),
        attributes=attributes or {},
        customer_metadata=customer_metadata or {},
        subscription_metadata=billed.metadata,
    )


def _a_month(item: Item) -> Fraction:
    return a_month((item.amount or 0) * (item.quantity or 0), item.interval) if item.interval else Fraction()
