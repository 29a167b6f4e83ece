"""Step 3: those invoices as rows, each once."""

from dataclasses import asdict

from nodes.node import node
from nodes.reporting.records import Paid, ReadFromStripe
from nodes.services import services


@node("Keep Invoices", step="3")
async def keep_invoices(read: ReadFromStripe) -> int:
    """How many there are. One that is known keeps its row, with what is left of it after a refund."""
    for each in read.paid:
        if each.invoices:
            await _keep(each)
    return sum(len(each.invoices) for each in read.paid)


async def _keep(paid: Paid) -> None:
    subscription = paid.subscription
    async with services().database.as_user(subscription.user_id) as transaction:
        for invoice in paid.invoices:
            await transaction.run(
                "keep_retained_invoice",
                user_id=subscription.user_id,
                subscription_id=subscription.id,
                **asdict(invoice),
            )
