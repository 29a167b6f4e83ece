"""Step 1: claim unfinished work, each item for one process at a time."""

from nodes.node import node, run_log
from nodes.resumption.records import EVENT, Left
from nodes.services import services
from sql import KINDS


@node("Claim Unfinished Requests", step="1")
async def claim_unfinished_requests(at_most: int) -> list[Left]:
    """Claim up to `at_most` of each kind whose lease has expired, longest overdue first (sql/migrations/0004)."""
    database = services().database
    left = [Left(kind, each) for kind in KINDS for each in await database.claim(kind, at_most)]
    left += [Left(EVENT, each) for each in await database.claim_events(at_most)]
    for each in left:
        urgent = ", urgent" if each.claimed.urgent else ""
        run_log().info("%s %s: tried %d times%s", each.work, each.id, each.claimed.tries, urgent)
    return left
