"""When a request is to be taken up again: never, once it is answered and its outbox is empty; or at the next look."""

from uuid import UUID

from nodes.services import services


async def leave(request_id: UUID, user_id: UUID) -> None:
    """The end of a run: leave the request in peace, if nothing is left to do."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run("leave_request", request_id=request_id)


async def put_in_line(request_id: UUID, user_id: UUID) -> None:
    """No run could be started for it here and now: whoever looks next takes it up."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run("put_in_line", request_id=request_id)
