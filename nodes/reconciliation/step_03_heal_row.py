"""Step 3: update a row that differs from Stripe."""

from dataclasses import replace
from datetime import UTC, datetime

from nodes.clients.billing.objects import BillingSubscription
from nodes.clients.database.client import SubscriptionState
from nodes.clients.webhooks import Notice
from nodes.errors import BillingFailed
from nodes.node import node, run_log
from nodes.reconciliation.differences import differs, pause_differs
from nodes.reconciliation.findings import Findings, Line
from nodes.rules.dates import rfc3339
from nodes.rules.stripe_changes import Change
from nodes.services import services
from nodes.stripe_events.inbox import record
from nodes.subscriptions.mirror import mirror, status_of

MISSING = "resource_missing"


@node("Heal Row", step="3")
async def heal_row(row: SubscriptionState, findings: Findings) -> None:
    """Read the subscription again, because the page may be outdated, and update the row if it differs.

    Skips a row that a request is working on. A row that Stripe doesn't know is reported to the operator.
    """
    if row.under_way:
        return
    try:
        billed = replace(await services().billing.subscription(row.id), announced=row.announced)
    except BillingFailed as error:
        if error.code != MISSING:
            raise
        line = Line(row.id, f"{row.status} here, not in Stripe", "find out which Stripe account it belongs to")
        findings.for_operator.append(line)
        run_log().warning("%s: %s", row.id, line.what)
        return
    status = status_of(billed)
    if not differs(row, billed):
        return
    if not findings.dry_run:
        await _heal(row, billed)
    pause = ", with another pause" if pause_differs(row, billed) else ""
    done = "would be healed" if findings.dry_run else "healed"
    line = Line(row.id, f"{row.status} here, {status} in Stripe{pause}", done)
    findings.healed.append(line)
    run_log().info("%s: %s", row.id, line.what)


async def _heal(row: SubscriptionState, billed: BillingSubscription) -> None:
    """Update the row, and put an event in the inbox in place of the lost webhook, which notifies customer and company.

    In one transaction: a row that matches Stripe is not looked at again. The event's id names the version of the row
    that differed, so concurrent runs record one event, and a state that the subscription had before is a new one.
    """
    ends_at = billed.ended_at or billed.cancel_at or billed.current_period_end
    change, state = Change.BEGINS if billed.pending else Change.DECISION, status_of(billed)
    if pause_differs(row, billed):
        change, ends_at = Change.PAUSE, (billed.pause and billed.pause.resumes_at) or ends_at
        state += " paused" if billed.pause else " resumed"
    notice = Notice(
        id=f"reconciled {billed.id} {row.updated_at.isoformat()} {state} {rfc3339(ends_at)}",
        type="reconciliation",
        change=change,
        created_at=datetime.now(UTC),
        livemode=services().billing.livemode,
        subscription_id=billed.id,
        customer_id=None,
        caused_by=None,
    )
    async with services().database.as_user(row.user_id) as transaction:
        await mirror(transaction, billed)
        await record(transaction, notice)
