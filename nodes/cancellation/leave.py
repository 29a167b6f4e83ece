"""The end of a run: the request is left in peace once it is answered and its outbox is empty."""

from uuid import UUID

from nodes.services import services


async def leave(request_id: UUID, user_id: UUID) -> None:
    """Clear the moment at which the request would be taken up again, if nothing is left to do."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run("leave_request", request_id=request_id)
