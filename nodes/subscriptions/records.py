"""A subscription, as nodes hand it on: ids and decisions; nothing personal, for Prefect sees it pass."""

from dataclasses import dataclass

from nodes.clients.billing_objects import BillingSubscription


@dataclass(frozen=True)
class ActiveSubscription:
    """Our row, and what Stripe says of it now."""

    id: str
    user_id: str
    plan: str
    billed: BillingSubscription
