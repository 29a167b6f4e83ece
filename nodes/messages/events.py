"""Publish events from the outbox, each user's in the order in which they were recorded (FEATURES W18, W19)."""

from typing import Any
from uuid import UUID

from nodes.errors import EventsFailed
from nodes.messages.outbox import deliver
from nodes.messages.records import Delivered
from nodes.node import run_log
from nodes.services import services


async def publish_event(request_id: UUID, user_id: str, kind: str, **members: Any) -> Delivered:
    """Publish the event of this kind that waits in the outbox, unless it was published; see `deliver`."""

    async def send(item_id: UUID) -> str:
        async with services().database.as_user(user_id) as transaction:
            [waiting] = await transaction.values("earlier_event_waits", id=item_id, user_id=user_id)
        if waiting:
            raise EventsFailed("an earlier event of this user is not published yet")
        event = {"event": kind, "user_id": user_id, "request_id": str(request_id), **members}
        return await services().events.publish(event, event_id=str(item_id), ordering_key=user_id)

    delivered = await deliver(request_id, user_id, kind, send)
    run_log().info("published %s", kind)
    return delivered
