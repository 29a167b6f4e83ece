"""The customer's feedback in Stripe, where step 6B sent it as a comment."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from prefect.runtime import flow_run

from nodes.services import services


@dataclass(frozen=True)
class _Comment:
    request_id: UUID
    subscription_id: str


async def clear_comments_of_user(user_id: str) -> None:
    """Clear every comment of the user that our rows know of. Raises `BillingFailed`."""
    async with services().database.as_user(user_id) as transaction:
        comments = await transaction.all("comments_of_user", _Comment)
    for comment in comments:
        await _clear(comment.request_id, comment.subscription_id)


async def clear_comment_of_request(request_id: UUID, user_id: str) -> None:
    """Clear the comment that Stripe may still have of this request, or of a later one. Raises `BillingFailed`."""
    async with services().database.as_user(user_id) as transaction:
        subscriptions = await transaction.values("comment_of_request", request_id=request_id)
    for subscription_id in subscriptions:
        await _clear(request_id, subscription_id)


async def _clear(request_id: UUID, subscription_id: str) -> None:
    # One key per run: with the same key, Stripe would replay today's failure to tomorrow's run.
    key = f"{request_id}:comment:{flow_run.id or uuid4()}"
    await services().records.clear_comment(subscription_id, key=key)
