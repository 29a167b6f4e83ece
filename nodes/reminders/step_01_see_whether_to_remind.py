"""Step 1: check that the pause or the discount is still in effect, and what is charged once it ends."""

from datetime import datetime
from uuid import UUID

from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import BillingFailed
from nodes.node import node, run_log
from nodes.offers.agreed import Agreed, Preview, agreed_in
from nodes.offers.charges import Charges, charges_of
from nodes.reminders.records import Due, Reminder
from nodes.rules.statuses import is_live
from nodes.services import services


@node("See Whether To Remind", step="1")
async def see_whether_to_remind(request_id: UUID) -> Due | None:
    """Read the subscription from Stripe (FEATURES C28, G02). Returns None if there is nothing to announce any more."""
    database = services().database
    owner = await database.owner_of("change", request_id) or await database.owner_of("cancellation", request_id)
    if owner is None:
        run_log().info("no email: the request has been deleted")
        return None
    async with database.as_user(owner) as transaction:
        reminder = await transaction.one("due_reminder", Reminder, request_id=request_id)
    if reminder is not None and (due := await _due(reminder)) is not None:
        return due
    async with database.as_user(owner) as transaction:
        await transaction.run("reminded", request_id=request_id)
    run_log().info("no email: the pause or discount has ended or was changed, or the subscription ends")
    return None


async def _due(reminder: Reminder) -> Due | None:
    agreed = agreed_in(reminder.agreed)
    try:
        billed = await services().billing.subscription(reminder.subscription_id)
    except BillingFailed as error:
        if error.code == "resource_missing":
            return None
        raise
    ends_at = _end(agreed, billed) if agreed else None
    if ends_at is None or not is_live(billed.status) or billed.pending or len(billed.intervals) != 1:
        return None
    charges = await charges_of(billed)
    return Due(
        reminder,
        ends_at,
        await _charge(charges, charges.now),
        await _charge(charges, ends_at),
        charges.interval,
    )


def _end(agreed: Agreed, billed: BillingSubscription) -> datetime | None:
    """Return when the pause or the discount ends; None if it is no longer in effect."""
    if agreed.resumes_at:
        return agreed.resumes_at if billed.pause and billed.pause.resumes_at == agreed.resumes_at else None
    discount = billed.discount_of(agreed.coupon_id) if agreed.coupon_id else None
    return discount.ends_at if discount else None


async def _charge(charges: Charges, since: datetime) -> Preview:
    invoice = charges.first_from(since)
    return Preview(charges.billed.currency, 0, (await charges.of(invoice)).total, invoice.at)
