"""The reason that the React component sends after the cancellation, as Stripe's portal does (DECISIONS 50)."""

import asyncio
from dataclasses import dataclass

from nodes.cancellation.records import CancellationRequest
from nodes.rules.reasons import PREFER_NOT_TO_SAY
from nodes.services import services
from nodes.sessions.component_record import fill_in_reason
from nodes.sessions.store import session_of

# The component sends it as soon as it has the response.
REASON_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.2


@dataclass(frozen=True)
class _Reason:
    category: str
    awaited: bool


async def reason_to_publish(request: CancellationRequest, category: str) -> str:
    """Return the recorded reason, once it can't arrive any more: at most 5 s after the response.

    One that the component sent while the cancellation was under way is filled in first.
    """
    if category == PREFER_NOT_TO_SAY:
        await _fill_in(request)
    while category == PREFER_NOT_TO_SAY:
        async with services().database.as_user(request.user_id) as transaction:
            found = await transaction.one("reason_to_publish", _Reason, request_id=request.id, patience=REASON_SECONDS)
        if found is None:  # deleted
            return category
        if not found.awaited:
            return found.category
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return category


async def _fill_in(request: CancellationRequest) -> None:
    async with services().database.as_user(request.user_id) as transaction:
        found = await transaction.values("component_session_of", request_id=request.id)
    if found and (session := await session_of(found[0])):
        await fill_in_reason(session)
