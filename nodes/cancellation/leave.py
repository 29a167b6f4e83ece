"""When a request is to be taken up again: never, once it is answered and its outbox is empty; or at the next look."""

from uuid import UUID

from nodes.services import services


async def leave(request_id: UUID, user_id: UUID) -> None:
    """The end of a run: leave the request in peace, if nothing is left to do."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run("leave_request", request_id=request_id)


async def try_with_another_key(request_id: UUID, user_id: UUID) -> None:
    """Stripe answered the last try, and would answer the same under the same idempotency key."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run("next_billing_try", request_id=request_id)
