"""Where a reactivation stands, from the record and not from the run; and when it is to be taken up again."""

from uuid import UUID

from nodes.cancellation.standing import Standing
from nodes.errors import ReactivationNotFound
from nodes.services import services


async def standing_of(request_id: UUID, user_id: UUID) -> Standing:
    """The request, if it is this user's; raises `ReactivationNotFound`."""
    async with services().database.as_user(user_id) as transaction:
        standing = await transaction.one("reactivation_status", Standing, request_id=request_id)
    if standing is None:
        raise ReactivationNotFound
    return standing


async def leave(request_id: UUID, user_id: UUID) -> None:
    """The end of a run: leave the request in peace, if nothing is left to do."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run("leave_reactivation", request_id=request_id)


async def try_with_another_key(request_id: UUID, user_id: UUID) -> None:
    """Stripe answered the last try, and would answer the same under the same idempotency key."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run("next_reactivation_try", request_id=request_id)
