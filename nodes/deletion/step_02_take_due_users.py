"""Step 2: claim users whose data is due, each for one run."""

from nodes.deletion.records import Batch, Selection
from nodes.node import node, run_log
from nodes.services import services


@node("Take Due Users", step="2")
async def take_due_users(selection: Selection) -> Batch:
    """Claim users with a due job (FEATURES W17); return none once all are done. A dry run lists them instead."""
    async with services().database.without_user() as transaction:
        if selection.dry_run:
            users = await transaction.values("due_deletions", after=selection.after, at_most=selection.at_most)
        else:
            users = await transaction.values("claim_due_deletions", at_most=selection.at_most)
    run_log().info("%s users", len(users))
    return Batch(users, selection.dry_run)


async def count_due_users() -> int:
    """Return the number of due users, for a progress bar."""
    async with services().database.without_user() as transaction:
        [count] = await transaction.values("count_due_deletions")
    return int(count)
