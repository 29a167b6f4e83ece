"""Step 1: which requests were left, each for one process at a time."""

from nodes.clients.database import Claimed
from nodes.node import node, run_log
from nodes.services import services


@node("Claim Unfinished Requests", step="1")
async def claim_unfinished_requests(at_most: int) -> list[Claimed]:
    """Those whose lease has passed, the longest left first (sql/migrations/0005_leases.sql)."""
    claimed = await services().database.claim_unfinished(at_most)
    for each in claimed:
        run_log().info("request %s: tried %d times%s", each.id, each.tries, ", urgent" if each.urgent else "")
    return claimed
