"""Publish events from the outbox, each user's in the order in which they were recorded (FEATURES W18, W19)."""

import asyncio
from typing import Any
from uuid import UUID

from nodes.errors import EventsFailed
from nodes.messages.outbox import deliver
from nodes.messages.records import Delivered
from nodes.node import run_log
from nodes.services import services

# The requests of one call for every subscription publish within this time of each other; an outage is waited out by the
# outbox's own retries.
EARLIER_SECONDS = 2.0
LOOK_EVERY_SECONDS = 0.1


async def publish_event(request_id: UUID, user_id: str, kind: str, **members: Any) -> Delivered:
    """Publish the event of this kind that waits in the outbox, unless it was published; see `deliver`."""

    async def send(item_id: UUID) -> str:
        await _wait_for_earlier(item_id, user_id)
        event = {"event": kind, "user_id": user_id, "request_id": str(request_id), **members}
        return await services().events.publish(event, event_id=str(item_id), ordering_key=user_id)

    delivered = await deliver(request_id, user_id, kind, send)
    run_log().info("published %s", kind)
    return delivered


async def _wait_for_earlier(item_id: UUID, user_id: str) -> None:
    """Return once the user's earlier events are published. Raises `EventsFailed` if that takes long."""
    deadline = asyncio.get_running_loop().time() + EARLIER_SECONDS
    while True:
        async with services().database.as_user(user_id) as transaction:
            [waiting] = await transaction.values("earlier_event_waits", id=item_id, user_id=user_id)
        if not waiting:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise EventsFailed("an earlier event of this user is not published yet")
        await asyncio.sleep(LOOK_EVERY_SECONDS)
