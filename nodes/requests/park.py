"""Park a request that needs attention: no run resumes it, and the customer is notified of the delay."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from nodes.errors import EmailRefused
from nodes.messages.outbox import DELAYED
from nodes.messages.records import Delivered
from nodes.node import run_log
from nodes.requests.kind import Kind
from nodes.services import services


async def park_request(
    kind: Kind, request_id: UUID, user_id: str, send_delay: Callable[[UUID, str], Awaitable[Delivered]]
) -> None:
    """Leave the request to an operator, and email the customer unless they already have a response.

    Raises `MailFailed`; the request is parked anyway, and its email is retried when it is next claimed.
    """
    async with services().database.as_user(user_id) as transaction:
        [unanswered] = await transaction.values(f"park_{kind.name}", request_id=request_id)
        if unanswered:
            await transaction.run("put_in_outbox", request_id=request_id, user_id=user_id, kind=DELAYED)
    if unanswered:
        try:
            await send_delay(request_id, user_id)
        except EmailRefused as error:
            run_log().warning("the customer can't be emailed: %s", error)
    async with services().database.as_user(user_id) as transaction:
        await transaction.run(f"{kind.name}_parked", request_id=request_id)
