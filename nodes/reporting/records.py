"""What one step of the report hands to the next: ids and money."""

from dataclasses import dataclass

from nodes.clients.billing_invoices import PaidInvoice
from nodes.clients.database import WithOffer


@dataclass(frozen=True)
class Paid:
    """A subscription, and what was paid for it since it took its offer."""

    subscription: WithOffer
    invoices: list[PaidInvoice]


@dataclass(frozen=True)
class ReadFromStripe:
    """Some subscriptions, and how many Stripe did not answer for."""

    paid: list[Paid]
    failed: int
