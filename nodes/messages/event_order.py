"""Events of one user leave in the order of what they tell: a later one waits until an earlier one is out."""

from uuid import UUID

from nodes.errors import EventsFailed
from nodes.services import services


async def wait_for_earlier_events(item_id: UUID, user_id: str) -> None:
    """Raises `EventsFailed` while an earlier event of this user is still in the outbox: it is tried again later."""
    async with services().database.as_user(user_id) as transaction:
        [waiting] = await transaction.values("earlier_event_waits", id=item_id, user_id=user_id)
    if waiting:
        raise EventsFailed("an earlier event of this user was not published yet")
