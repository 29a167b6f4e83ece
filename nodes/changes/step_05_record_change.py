"""Step 5: update our row to what Stripe confirmed, and fill the outbox in the same transaction."""

from datetime import datetime, timedelta

from nodes.changes.records import Applied, Changed
from nodes.messages.outbox import CHANGED, CHANGED_EVENT
from nodes.node import node, run_log
from nodes.offers.reservation import record_applied
from nodes.rules.dates import discount_notice_at
from nodes.services import services
from nodes.subscriptions.mirror import mirror, status_of


@node("Record Change", step="5")
async def record_change(applied: Applied) -> Changed:
    """Update row, history, outbox and recovery point in one transaction."""
    request, billed, accepted = applied.accepted.case.request, applied.billed, applied.accepted
    if request.reached("recorded"):
        run_log().info("already done")
        return Changed(accepted, status_of(billed))
    async with services().database.as_user(request.user_id) as transaction:
        row = await mirror(transaction, billed)
        if request.kind == "discount":
            agreed = accepted.agreed
            await record_applied(transaction, request.id, request.user_id, billed, agreed, starts_at=agreed.at)
        for kind in (CHANGED, CHANGED_EVENT):
            await transaction.run("put_in_outbox", request_id=request.id, user_id=request.user_id, kind=kind)
        await transaction.run("remind_of_change", request_id=request.id, remind_at=_reminder(applied))
        await transaction.run("change_reached", request_id=request.id, recovery_point="recorded")
    run_log().info("%s is now %s", billed.id, row.status)
    return Changed(accepted, row.status)


def _reminder(applied: Applied) -> datetime | None:
    """Return when to remind the customer that billing resumes, or that a long discount ends."""
    agreed, settings = applied.accepted.agreed, services().settings
    if agreed.resumes_at:
        return agreed.resumes_at - timedelta(days=settings.pause_reminder_days)
    return discount_notice_at(agreed.discount_ends_at, agreed.at)
