"""A renewal that came while a cancellation was delayed: an outage delays the work and never the date.

The customer asked in time, so what they paid for is over by now: step 6B ends the subscription at once, and each charge
since they asked is taken back.
"""

from nodes.cancellation.records import CancellationRequest
from nodes.clients.billing_objects import BillingSubscription
from nodes.node import run_log
from nodes.rules.statuses import is_live
from nodes.services import services


def has_renewed(request: CancellationRequest, billed: BillingSubscription) -> bool:
    """Whether a new period began after the customer asked, and nothing of ours had stopped it."""
    return not billed.pending and billed.current_period_start > request.received_at


async def undo_renewals(request: CancellationRequest, billed: BillingSubscription) -> bool:
    """Void what is open and give back what was paid since the customer asked; tells whether there was a renewal."""
    if is_live(billed.status) or billed.current_period_start <= request.received_at:
        return False
    invoices = services().billing.invoices
    for renewal in await invoices.renewals_since(billed.id, request.received_at):
        await invoices.undo_renewal(renewal, key=request.billing_key(f"6B:{renewal.invoice_id}"))
        run_log().info("took back invoice %s: it renewed after the customer asked", renewal.invoice_id)
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("renewal_undone", request_id=request.id)
    return True
