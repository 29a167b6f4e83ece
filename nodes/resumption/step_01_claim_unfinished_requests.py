"""Step 1: claim unfinished work, each item for one process at a time."""

from nodes.node import node, run_log
from nodes.resumption.records import Left, Work
from nodes.services import services


@node("Claim Unfinished Requests", step="1")
async def claim_unfinished_requests(at_most: int) -> list[Left]:
    """Claim up to `at_most` of each kind whose lease has expired, longest overdue first (sql/migrations/0004)."""
    database = services().database
    claims = {
        Work.CANCELLATION: database.claim_cancellations,
        Work.REACTIVATION: database.claim_reactivations,
        Work.EVENT: database.claim_events,
    }
    left = [Left(work, each) for work, claim in claims.items() for each in await claim(at_most)]
    for each in left:
        urgent = ", urgent" if each.claimed.urgent else ""
        run_log().info("%s %s: tried %d times%s", each.work, each.id, each.claimed.tries, urgent)
    return left
