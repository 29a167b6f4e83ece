"""Step 3: those invoices as rows, each once."""

from dataclasses import asdict

from nodes.clients.billing_objects import PaidInvoices
from nodes.clients.database import WithOffer
from nodes.node import node
from nodes.services import services


@node("Keep Invoices", step="3")
async def keep_invoices(subscription: WithOffer, page: PaidInvoices) -> int:
    """How many there are. One that is known keeps its row, with what is left of it after a refund."""
    async with services().database.as_user(subscription.user_id) as transaction:
        for invoice in page.invoices:
            await transaction.run(
                "keep_retained_invoice",
                user_id=subscription.user_id,
                subscription_id=subscription.id,
                **asdict(invoice),
            )
    return len(page.invoices)
