"""Step 3: the words go, and so does the link; month, plan and category stay counted."""

from nodes.anonymization.records import Anonymized, Cleared, DueFeedback
from nodes.node import node, run_log
from nodes.runs.each import for_each
from nodes.services import services


@node("Anonymize Feedback", step="3")
async def anonymize_feedback(cleared: Cleared) -> Anonymized:
    """A request a transaction. The database refuses one that is younger than 90 days (sql/migrations/0009)."""

    async def anonymize(feedback: DueFeedback) -> bool:
        async with services().database.as_user(feedback.user_id) as transaction:
            [done] = await transaction.values("anonymize_feedback", request_id=feedback.request_id)
        return bool(done)

    done, failed = await for_each(cleared.requests, anonymize, user_of=lambda feedback: str(feedback.request_id))
    run_log().info("%s are anonymous now", sum(done))
    return Anonymized(sum(done), cleared.failed | failed)
