"""Step 2: some users whose data is due, for this run alone."""

from nodes.deletion.records import Batch, Selection
from nodes.node import node, run_log
from nodes.services import services


@node("Take Due Users", step="2")
async def take_due_users(selection: Selection) -> Batch:
    """Users with a job that is due (FEATURES W17); none once all are through. A dry run leaves them where they are."""
    async with services().database.without_user() as transaction:
        if selection.dry_run:
            users = await transaction.values("due_deletions", after=selection.after, at_most=selection.at_most)
        else:
            users = await transaction.values("claim_due_deletions", at_most=selection.at_most)
    run_log().info("%s users", len(users))
    return Batch(users, selection.dry_run)


async def count_due_users() -> int:
    """Return how many there are to go through, for a progress bar."""
    async with services().database.without_user() as transaction:
        [count] = await transaction.values("count_due_deletions")
    return int(count)
