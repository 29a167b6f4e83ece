"""Step 4: list live rows that Stripe did not list, because they ended or don't exist there."""

from dataclasses import dataclass

from nodes.clients.database.client import SubscriptionState
from nodes.node import node, run_log
from nodes.reconciliation.findings import Findings
from nodes.services import services

PAGE = 500


@dataclass(frozen=True)
class NotSeen:
    """The unlisted rows of one page; the next page begins after `last`, which is None after the last page."""

    rows: list[SubscriptionState]
    last: str | None


@node("List Rows Not Seen", step="4")
async def list_rows_not_seen(after: str, findings: Findings) -> NotSeen:
    """Return one page of our live rows, without those that Stripe listed."""
    database = services().database
    ids = await database.live_subscriptions_after(after, PAGE)
    missing = [each for each in ids if each not in findings.seen]
    run_log().info("%d of %d rows were not in Stripe's list", len(missing), len(ids))
    return NotSeen(await database.subscription_states(missing) if missing else [], ids[-1] if ids else None)
