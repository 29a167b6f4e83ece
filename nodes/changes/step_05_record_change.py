"""Step 5: update our row to what Stripe confirmed, and fill the outbox in the same transaction."""

from datetime import datetime, timedelta

from nodes.changes.records import Applied, Changed
from nodes.clients.database import Transaction
from nodes.errors import VerificationFailed
from nodes.messages.outbox import CHANGED, CHANGED_EVENT
from nodes.node import node, run_log
from nodes.rules.dates import months_after
from nodes.services import services
from nodes.subscriptions.mirror import mirror, status_of

# A promotional price of more than 31 days is announced to end 3 to 21 days before (California, AB 390).
DISCOUNT_NOTICE, SHORTEST_DISCOUNT = timedelta(days=14), timedelta(days=31)


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
            await _record_discount(transaction, applied)
        for kind in (CHANGED, CHANGED_EVENT):
            await transaction.run("put_in_outbox", request_id=request.id, user_id=request.user_id, kind=kind)
        await transaction.run("remind_of_change", request_id=request.id, remind_at=_reminder(applied))
        await transaction.run("change_reached", request_id=request.id, recovery_point="recorded")
    run_log().info("%s is now %s", billed.id, row.status)
    return Changed(accepted, row.status)


async def _record_discount(transaction: Transaction, applied: Applied) -> None:
    request, agreed, billed = applied.accepted.case.request, applied.accepted.agreed, applied.billed
    discount = billed.discount_of(str(agreed.coupon_id))
    if discount is None:
        raise VerificationFailed(f"{billed.id} has no discount of {agreed.coupon_id}")
    await transaction.run("offer_applied", request_id=request.id, stripe_discount_id=discount.id)
    for kind in agreed.entitlements:
        await transaction.run(
            "grant_entitlement",
            request_id=request.id,
            user_id=request.user_id,
            subscription_id=billed.id,
            kind=kind,
            starts_at=agreed.at,
            ends_at=months_after(agreed.at, agreed.months or 1),
        )


def _reminder(applied: Applied) -> datetime | None:
    """Return when to remind the customer that billing resumes, or that a long discount ends."""
    agreed, settings = applied.accepted.agreed, services().settings
    if agreed.resumes_at:
        return agreed.resumes_at - timedelta(days=settings.pause_reminder_days)
    if agreed.discount_ends_at and agreed.discount_ends_at - agreed.at > SHORTEST_DISCOUNT:
        return agreed.discount_ends_at - DISCOUNT_NOTICE
    return None
