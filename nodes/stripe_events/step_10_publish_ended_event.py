"""Step 10: publish the event that the subscription has ended."""

from nodes.messages.events import publish_event
from nodes.messages.outbox import ENDED_EVENT
from nodes.messages.records import Delivered
from nodes.node import node
from nodes.rules.dates import rfc3339
from nodes.stripe_events.records import Ended


@node("Publish Ended Event", step="10")
async def publish_ended_event(ended: Ended) -> Delivered:
    """Publish `subscription.ended`, in the envelope of `subscription.canceled` and after it (FEATURES N02, W19)."""
    return await publish_event(
        ended.id,
        ended.user_id,
        ENDED_EVENT,
        subscription_id=ended.subscription_id,
        reason=ended.kind,
        effective_at=rfc3339(ended.ended_at),
    )
