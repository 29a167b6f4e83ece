"""Step 2: one page of what a subscription really paid since it took its offer."""

from nodes.clients.billing_objects import PaidInvoices
from nodes.clients.database import WithOffer
from nodes.errors import BillingFailed
from nodes.node import node, run_log
from nodes.services import services

MISSING = "resource_missing"


@node("List Paid Invoices", step="2")
async def list_paid_invoices(subscription: WithOffer, after: str | None) -> PaidInvoices:
    """As Stripe says it: after the discount, less what was given back. One that Stripe does not know paid nothing."""
    try:
        page = await services().billing.invoices.paid(subscription.id, subscription.accepted_at, after)
    except BillingFailed as error:
        if error.code != MISSING:
            raise
        run_log().warning("%s is not in Stripe", subscription.id)
        return PaidInvoices((), None)
    run_log().info("%s: %d paid invoices", subscription.id, len(page.invoices))
    return page
