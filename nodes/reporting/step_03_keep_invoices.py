"""Step 3: store each of those invoices in a row."""

from dataclasses import asdict

from nodes.node import node
from nodes.reporting.records import Paid, ReadFromStripe
from nodes.services import services


@node("Keep Invoices", step="3")
async def keep_invoices(read: ReadFromStripe) -> int:
    """Store the invoices and return their number. A known invoice keeps its row, with the amount left after refunds."""
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
