"""Stripe's events about this product's own writes whose response was lost."""

from nodes.services import services
from nodes.stripe_events.records import Later, Seen

# A request that was just written has usually finished after this time.
REQUEST_SECONDS = 2.0


async def recheck_failed(seen: Seen) -> Later | None:
    """Resume a request that was reported as failed if its write caused this event, and postpone the event."""
    if seen.event.caused_by is None:
        return None
    async with services().database.as_user(seen.user_id) as transaction:
        [found] = await transaction.values("recheck_failed", request_id=seen.event.caused_by)
    return Later("the failed request that caused it is checked again", REQUEST_SECONDS) if found else None
