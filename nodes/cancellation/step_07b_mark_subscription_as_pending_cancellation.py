"""Step 7B: update our row to what Stripe confirmed, and fill the outbox in the same transaction."""

from nodes.cancellation.records import PendingCancellation, ScheduledCancellation
from nodes.messages.outbox import CONFIRMATION, EVENT
from nodes.node import node, run_log
from nodes.rules.dates import data_retention_until
from nodes.rules.progress import RecoveryPoint
from nodes.services import services
from nodes.subscriptions.mirror import mirror, status_of


@node("Mark Subscription as Pending Cancellation", step="7B")
async def mark_subscription_as_pending_cancellation(scheduled: ScheduledCancellation) -> PendingCancellation:
    """Update row, outbox and recovery point in one transaction (FEATURES W13)."""
    request = scheduled.case.request
    if request.reached(RecoveryPoint.MARKED_PENDING):
        run_log().info("already done")
        return _pending(request.outcome or status_of(scheduled.billed), scheduled)
    async with services().database.as_user(request.user_id) as transaction:
        row = await mirror(transaction, scheduled.billed)
        for kind in (CONFIRMATION, EVENT):
            await transaction.run("put_in_outbox", request_id=request.id, user_id=request.user_id, kind=kind)
        await transaction.run("cancellation_reached", request_id=request.id, recovery_point="marked_pending")
    run_log().info("%s is now %s", scheduled.billed.id, row.status)
    return _pending(row.status, scheduled)


def _pending(status: str, scheduled: ScheduledCancellation) -> PendingCancellation:
    return PendingCancellation(
        scheduled.case,
        scheduled.category,
        status,
        scheduled.cancel_at,
        data_retention_until(scheduled.cancel_at),
        scheduled.plan_change_dropped,
        scheduled.renewal_undone,
        scheduled.invoices_voided,
        scheduled.terms,
    )
