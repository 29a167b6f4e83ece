"""Step 3: delete the text and the link to the customer; counts by month, plan and category stay."""

from nodes.anonymization.records import Anonymized, Cleared, DueFeedback
from nodes.node import node, run_log
from nodes.runs.each import for_each
from nodes.services import services


@node("Anonymize Feedback", step="3")
async def anonymize_feedback(cleared: Cleared) -> Anonymized:
    """Anonymize each request in its own transaction. The database refuses one under 90 days (sql/migrations/0009)."""

    async def anonymize(feedback: DueFeedback) -> bool:
        async with services().database.as_user(feedback.user_id) as transaction:
            [done] = await transaction.values("anonymize_feedback", request_id=feedback.request_id)
        return bool(done)

    done, failed = await for_each(cleared.requests, anonymize, user_of=lambda feedback: str(feedback.request_id))
    run_log().info("%s anonymized", sum(done))
    return Anonymized(sum(done), cleared.failed | failed)
