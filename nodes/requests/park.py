"""Park a request that needs attention: no run resumes it, and the customer is notified."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from nodes.errors import EmailRefused
from nodes.messages.outbox import DELAYED, MANUAL_REQUEST, RECEIVED
from nodes.messages.records import Delivered
from nodes.messages.webhooks import put_webhooks
from nodes.node import run_log
from nodes.requests.by_hand import notify_team, send_received
from nodes.requests.kind import Kind
from nodes.services import services

SendDelay = Callable[[UUID, str], Awaitable[Delivered]]


@dataclass(frozen=True)
class _Parked:
    unanswered: bool
    by_hand: bool


async def park_request(
    kind: Kind, request_id: UUID, user_id: str, send_delay: SendDelay, *, by_hand: bool = False
) -> None:
    """Leave the request to an operator, and email the customer unless they already have a response.

    `by_hand`: it stays with a person, whose team gets a webhook, and the email says that the request was received.
    Raises `MailFailed` and `HookFailed`; the request is parked anyway, and what failed is sent when it is next claimed.
    """
    async with services().database.as_user(user_id) as transaction:
        [parked] = await transaction.all(f"park_{kind.name}", _Parked, request_id=request_id, by_hand=by_hand)
        waiting = _messages(by_hand=parked.by_hand) if parked.unanswered else ()
        for message in waiting:
            await transaction.run("put_in_outbox", request_id=request_id, user_id=user_id, kind=message)
        await put_webhooks(transaction, request_id)
    sends: dict[str, SendDelay] = {
        DELAYED: send_delay,
        RECEIVED: partial(send_received, kind),
        MANUAL_REQUEST: partial(notify_team, kind),
    }
    results = await asyncio.gather(*(sends[each](request_id, user_id) for each in waiting), return_exceptions=True)
    _raise_first(results)
    async with services().database.as_user(user_id) as transaction:
        await transaction.run(f"{kind.name}_parked", request_id=request_id)


def _messages(*, by_hand: bool) -> tuple[str, ...]:
    if not by_hand:
        return (DELAYED,)
    return (RECEIVED, MANUAL_REQUEST) if services().settings.manual_webhook_url else (RECEIVED,)


def _raise_first(results: list[Delivered | BaseException]) -> None:
    """Raise the first failure. An email that can never be delivered is listed for an operator instead."""
    for result in results:
        if isinstance(result, EmailRefused):
            run_log().warning("the customer can't be emailed: %s", result)
        elif isinstance(result, BaseException):
            raise result
