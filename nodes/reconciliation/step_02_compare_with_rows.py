"""Step 2: compare a page with our rows."""

from dataclasses import replace

from nodes.clients.billing.objects import Page
from nodes.clients.database.client import SubscriptionState
from nodes.node import node, run_log
from nodes.reconciliation.differences import differs
from nodes.reconciliation.findings import Findings
from nodes.services import services


@node("Compare With Rows", step="2")
async def compare_with_rows(page: Page, findings: Findings) -> list[SubscriptionState]:
    """Return the rows that differ from Stripe."""
    billed = {each.id: each for each in page.subscriptions}
    rows = {row.id: row for row in await services().database.subscription_states(list(billed))}
    findings.seen.update(billed)
    findings.unknown.extend(sorted(billed.keys() - rows.keys()))
    differing = [row for row in rows.values() if differs(row, replace(billed[row.id], announced=row.announced))]
    run_log().info("%d of %d rows differ", len(differing), len(rows))
    return differing
