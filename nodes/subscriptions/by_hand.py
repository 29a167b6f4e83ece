"""Subscriptions that only a person changes in Stripe, as the catalogue's `manual` says (FEATURES U10)."""

from nodes.services import services
from nodes.subscriptions.records import ActiveSubscription


def is_by_hand(subscription: ActiveSubscription) -> bool:
    """Return whether cancelflow must not change the subscription in Stripe."""
    billed = subscription.billed
    collection_method = "send_invoice" if billed.sends_invoices else "charge_automatically"
    return services().catalog.manual.covers(subscription.plan, billed.prices, collection_method, billed.metadata)
