"""The subscription passed between nodes; nothing personal, because Prefect sees it."""

from dataclasses import dataclass

from nodes.clients.billing.objects import BillingSubscription


@dataclass(frozen=True)
class ActiveSubscription:
    """A subscription: our row's ids and plan, and its current state in Stripe."""

    id: str
    user_id: str
    plan: str
    billed: BillingSubscription
