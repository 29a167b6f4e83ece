"""Step 2: clear the comments in Stripe first, while our rows still say where they are."""

from nodes.anonymization.records import Cleared, DueFeedback
from nodes.node import node, run_log
from nodes.runs.each import for_each
from nodes.subscriptions.comments import clear_comment_of_request


@node("Clear Comments", step="2")
async def clear_comments(due: list[DueFeedback]) -> Cleared:
    """Clear the comments. A request for which Stripe fails stays as it is until the next run."""

    async def clear(feedback: DueFeedback) -> DueFeedback:
        await clear_comment_of_request(feedback.request_id, feedback.user_id)
        return feedback

    cleared, failed = await for_each(due, clear, user_of=lambda feedback: str(feedback.request_id))
    run_log().info("%s cleared, %s left for the next run", len(cleared), len(failed))
    return Cleared(cleared, failed)
