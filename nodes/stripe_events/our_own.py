"""What Stripe tells of a write of ours, whose answer was lost."""

from nodes.services import services
from nodes.stripe_events.records import Later, Seen

# After which a request that was just written has come to its end, as a rule.
REQUEST_SECONDS = 2.0


async def recheck_failed(seen: Seen) -> Later | None:
    """Return our own write did it, though its caller was told that it failed: that request goes on, and this event
    waits.
    """
    if seen.event.caused_by is None:
        return None
    async with services().database.as_user(seen.user_id) as transaction:
        [found] = await transaction.values("recheck_failed", request_id=seen.event.caused_by)
    return Later("a request of ours that failed is looked at again", REQUEST_SECONDS) if found else None
