"""Undo a renewal that happened while a cancellation was delayed: an outage never moves the end date.

The customer asked in time, so the period that they paid for is over: step 6B ends the subscription immediately and
reverses each later charge. Only Stripe's own times are compared with each other, because its clock and ours differ, and
a test clock may be months away.
"""

from datetime import datetime

from nodes.clients.billing.invoices import Renewal
from nodes.clients.billing.objects import BillingSubscription
from nodes.node import run_log
from nodes.requests.records import Request
from nodes.rules.statuses import is_live
from nodes.services import services


async def has_renewed(billed: BillingSubscription, paid_until: datetime) -> bool:
    """Return whether Stripe charged for a later period than the one in which the customer asked."""
    return not billed.pending and bool(await _renewals(billed, paid_until))


async def undo_renewals(request: Request, billed: BillingSubscription, paid_until: datetime) -> bool:
    """Void open invoices and refund paid ones of later periods; return whether there was a renewal."""
    if is_live(billed.status):
        return False
    renewals = await _renewals(billed, paid_until)
    for renewal in renewals:
        await services().billing.invoices.undo_renewal(renewal, key=request.billing_key(f"6B:{renewal.invoice_id}"))
        run_log().info("reversed invoice %s: a renewal after the customer asked to cancel", renewal.invoice_id)
    if renewals:
        async with services().database.as_user(request.user_id) as transaction:
            await transaction.run("renewal_undone", request_id=request.id)
    return bool(renewals)


async def _renewals(billed: BillingSubscription, paid_until: datetime) -> list[Renewal]:
    """Return the invoices of later periods. A period that moved without one (a changed anchor) is no renewal."""
    if billed.last_period_start < paid_until:
        return []
    return await services().billing.invoices.renewals_since(billed.id, paid_until)
