"""Step 4: update our row to what Stripe confirmed, drop the retention jobs, and fill the outbox."""

from nodes.errors import VerificationFailed
from nodes.messages.outbox import REACTIVATED, REACTIVATED_EVENT
from nodes.node import node, run_log
from nodes.reactivation.records import Active, Cleared
from nodes.services import services
from nodes.subscriptions.mirror import mirror, status_of


@node("Mark Subscription as Active", step="4")
async def mark_subscription_as_active(cleared: Cleared) -> Active:
    """Update row, retention jobs, outbox and recovery point in one transaction (FEATURES W49)."""
    request, billed = cleared.case.request, cleared.billed
    if request.reached("marked_active"):
        run_log().info("already done")
        return Active(cleared.case, status_of(billed), request.renews_at or billed.current_period_end)
    async with services().database.as_user(request.user_id) as transaction:
        row = await mirror(transaction, billed)
        if row.cancel_at != billed.cancel_at or row.status != billed.status:
            raise VerificationFailed(f"our row says {row.status}, ends {row.cancel_at}; Stripe says {billed.status}")
        dropped = await transaction.run("drop_retention_jobs", subscription_id=billed.id)
        for kind in (REACTIVATED, REACTIVATED_EVENT):
            await transaction.run("put_in_outbox", request_id=request.id, user_id=request.user_id, kind=kind)
        await transaction.run("reactivation_reached", request_id=request.id, recovery_point="marked_active")
    run_log().info("%s is now %s; %d retention jobs dropped", billed.id, row.status, dropped)
    return Active(cleared.case, row.status, billed.current_period_end)
