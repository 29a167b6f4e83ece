"""The values passed between nodes: ids and amounts."""

from dataclasses import dataclass

from nodes.clients.billing.invoices import PaidInvoice
from nodes.clients.database.client import WithOffer


@dataclass(frozen=True)
class Paid:
    """A subscription, and the invoices paid since it accepted its offer."""

    subscription: WithOffer
    invoices: list[PaidInvoice]


@dataclass(frozen=True)
class ReadFromStripe:
    """Subscriptions with their invoices, and the number of those that could not be read."""

    paid: list[Paid]
    failed: int
