"""Step 1: claim users whose data is deleted within 14 days, each for one run."""

from datetime import timedelta

from nodes.deletion.records import Batch
from nodes.node import node, run_log
from nodes.services import services

NOTICE = timedelta(days=14)


@node("Take Users to Notify", step="1")
async def take_users_to_notify(at_most: int) -> Batch:
    """Claim users who have not been notified; return none once all are done."""
    async with services().database.without_user() as transaction:
        users = await transaction.values("claim_deletion_notices", at_most=at_most, ahead=NOTICE)
    run_log().info("%s users", len(users))
    return Batch(users, ahead=NOTICE)
