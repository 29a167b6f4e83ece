"""Step 3: a row that Stripe contradicts is made to say what Stripe says."""

from nodes.cancellation.mirror import mirror, status_of
from nodes.clients.billing import BillingSubscription
from nodes.clients.database import SubscriptionState
from nodes.errors import BillingFailed
from nodes.node import node, run_log
from nodes.reconciliation.findings import Findings, Line
from nodes.rules.statuses import PENDING_CANCELLATION, is_live
from nodes.services import services

MISSING = "resource_missing"


@node("Heal Row", step="3")
async def heal_row(row: SubscriptionState, findings: Findings) -> None:
    """Ask Stripe once more, for a page is older than what happened since, and heal what is unambiguous.

    A row that a request of ours is at work on is left to it. One that Stripe does not know is for a person to judge.
    """
    if row.under_way:
        return
    try:
        billed = await services().billing.subscription(row.id)
    except BillingFailed as error:
        if error.code != MISSING:
            raise
        line = Line(row.id, f"{row.status} here, not in Stripe", "find out which Stripe account it belongs to")
        findings.for_a_person.append(line)
        run_log().warning("%s: %s", row.id, line.what)
        return
    status = status_of(billed)
    if (row.status, row.cancel_at) == (status, billed.cancel_at):
        return
    if not findings.dry_run:
        await _heal(row, billed)
    line = Line(row.id, f"{row.status} here, {status} in Stripe", "would be healed" if findings.dry_run else "healed")
    findings.healed.append(line)
    run_log().info("%s: %s", row.id, line.what)


async def _heal(row: SubscriptionState, billed: BillingSubscription) -> None:
    async with services().database.as_user(row.user_id) as transaction:
        await mirror(transaction, billed)
        if is_live(billed.status) and status_of(billed) != PENDING_CANCELLATION:
            # It goes on, so the data does too.
            await transaction.run("drop_retention_jobs", subscription_id=row.id)
