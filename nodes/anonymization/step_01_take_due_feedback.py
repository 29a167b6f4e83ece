"""Step 1: claim requests that are 90 days old, each for one run."""

from nodes.anonymization.records import DueFeedback
from nodes.node import node, run_log
from nodes.services import services


@node("Take Due Feedback", step="1")
async def take_due_feedback(at_most: int) -> list[DueFeedback]:
    """Claim requests that still link a reason to a customer (FEATURES W30); return none once all are done."""
    async with services().database.without_user() as transaction:
        due = await transaction.all("claim_due_feedback", DueFeedback, at_most=at_most)
    run_log().info("%s requests", len(due))
    return due


async def count_due_feedback() -> int:
    """Return the number of due requests, for a progress bar."""
    async with services().database.without_user() as transaction:
        [count] = await transaction.values("count_due_feedback")
    return int(count)
