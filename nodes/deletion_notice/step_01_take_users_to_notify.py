"""Step 1: some users whose data goes within 14 days, for this run alone."""

from datetime import timedelta

from nodes.deletion.records import Batch
from nodes.node import node, run_log
from nodes.services import services

NOTICE = timedelta(days=14)


@node("Take Users to Notify", step="1")
async def take_users_to_notify(at_most: int) -> Batch:
    """Users who have not been told; none once all are through."""
    async with services().database.without_user() as transaction:
        users = await transaction.values("claim_deletion_notices", at_most=at_most, ahead=NOTICE)
    run_log().info("%s users", len(users))
    return Batch(users, ahead=NOTICE)
