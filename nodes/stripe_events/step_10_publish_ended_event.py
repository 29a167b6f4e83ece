"""Step 10: publish the event that the subscription has ended."""

from uuid import UUID

from nodes.messages.event_order import wait_for_earlier_events
from nodes.messages.outbox import ENDED_EVENT, deliver
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.rules.dates import rfc3339
from nodes.services import services
from nodes.stripe_events.records import Ended


@node("Publish Ended Event", step="10")
async def publish_ended_event(ended: Ended) -> Delivered:
    """Publish `subscription.ended`, in the envelope of `subscription.canceled` and after it (FEATURES N02, W19)."""

    async def send(item_id: UUID) -> str:
        await wait_for_earlier_events(item_id, ended.user_id)
        event = {
            "event": ENDED_EVENT,
            "user_id": ended.user_id,
            "subscription_id": ended.subscription_id,
            "reason": ended.kind,
            "request_id": str(ended.id),
            "effective_at": rfc3339(ended.ended_at),
        }
        return await services().events.publish(event, event_id=str(item_id), ordering_key=ended.user_id)

    delivered = await deliver(ended.id, ended.user_id, ENDED_EVENT, send)
    run_log().info("published %s", ENDED_EVENT)
    return delivered
