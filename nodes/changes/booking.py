"""A call that a customer booked on the page of a `contact` offer, instead of cancelling (FEATURES F25)."""

from uuid import UUID

from nodes.refusals.changes import ChangeNotFound
from nodes.requests.intake import count_attempt
from nodes.services import services
from nodes.tasks.put import put_task

ACTION = "book_call"


async def book_call(request_id: UUID, booking_id: str, caller: str | None) -> None:
    """Store the booking with the acceptance of the offer, and put a task for the team, once; the last booking counts.

    `caller`: the customer, or None for the company's server. Raises `ChangeNotFound` and `TooManyAttempts`.
    """
    user_id = await services().database.owner_of("change", request_id)
    if counted := caller or user_id:
        await count_attempt(ACTION, counted)
    if user_id is None or caller not in (None, user_id):
        raise ChangeNotFound
    async with services().database.as_user(user_id) as transaction:
        found = await transaction.values("call_booked", request_id=request_id, booking_id=booking_id)
        if not found:
            raise ChangeNotFound
        key = f"booking:{request_id}"
        await put_task(
            transaction, user_id=user_id, kind="support", key=key, subscription_id=found[0], request_id=request_id
        )
