"""Publish a user's events in the order in which they were recorded."""

from uuid import UUID

from nodes.errors import EventsFailed
from nodes.services import services


async def wait_for_earlier_events(item_id: UUID, user_id: str) -> None:
    """Raise `EventsFailed` while an earlier event of this user is in the outbox, so that this one is retried later."""
    async with services().database.as_user(user_id) as transaction:
        [waiting] = await transaction.values("earlier_event_waits", id=item_id, user_id=user_id)
    if waiting:
        raise EventsFailed("an earlier event of this user is not published yet")
