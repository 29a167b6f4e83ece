"""The differences between a row and Stripe that matter to the customer."""

from nodes.clients.billing.objects import BillingSubscription
from nodes.clients.database.client import SubscriptionState
from nodes.subscriptions.mirror import status_of


def differs(row: SubscriptionState, billed: BillingSubscription) -> bool:
    """Return whether status, end or pause differ."""
    return (row.status, row.cancel_at) != (status_of(billed), billed.cancel_at) or pause_differs(row, billed)


def pause_differs(row: SubscriptionState, billed: BillingSubscription) -> bool:
    """Return whether the pause of payment collection differs."""
    pause = billed.pause
    return (row.pause_behavior, row.resumes_at) != ((pause.behavior, pause.resumes_at) if pause else (None, None))
