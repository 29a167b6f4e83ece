"""Step 1: check that there is still no reason and that the customer has not come back."""

from uuid import UUID

from nodes.errors import BillingFailed
from nodes.node import node, run_log
from nodes.reason_email.records import OpenQuestion
from nodes.rules.statuses import is_live
from nodes.services import services


@node("See Whether To Ask", step="1")
async def see_whether_to_ask(request_id: UUID) -> OpenQuestion | None:
    """Check our rows and then Stripe, because its events may be late (FEATURES F26).

    Returns None if there is nothing to ask, and the request is not checked again.
    """
    owner = await services().database.owner_of("cancellation", request_id)
    if owner is None:
        run_log().info("no email: the request has been deleted")
        return None
    async with services().database.as_user(owner) as transaction:
        question = await transaction.one("open_question", OpenQuestion, request_id=request_id)
    if question is not None and services().settings.ask_why_after is not None and await _unanswered(question):
        return question
    async with services().database.as_user(owner) as transaction:
        await transaction.run("asked_why", request_id=request_id)
    run_log().info("no email: there is a reason, the cancellation was revoked, or its confirmation was not delivered")
    return None


async def _unanswered(question: OpenQuestion) -> bool:
    billing = services().billing
    try:
        billed = await billing.subscription(question.subscription_id)
        came_back = is_live(billed.status) and not billed.pending
        return not (came_back or billed.feedback or await billing.cancellation_comment(question.subscription_id))
    except BillingFailed as error:
        if error.code == "resource_missing":
            return False
        raise
