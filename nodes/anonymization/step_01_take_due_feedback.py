"""Step 1: some requests that are 90 days old, for this run alone."""

from nodes.anonymization.records import DueFeedback
from nodes.node import node, run_log
from nodes.services import services


@node("Take Due Feedback", step="1")
async def take_due_feedback(at_most: int) -> list[DueFeedback]:
    """Requests that still lead from a reason to a customer (FEATURES W30); none once all are through."""
    async with services().database.without_user() as transaction:
        due = await transaction.all("claim_due_feedback", DueFeedback, at_most=at_most)
    run_log().info("%s requests", len(due))
    return due


async def count_due_feedback() -> int:
    """Return how many there are to go through, for a progress bar."""
    async with services().database.without_user() as transaction:
        [count] = await transaction.values("count_due_feedback")
    return int(count)
