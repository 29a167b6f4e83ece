"""Step 7: publish the event that the subscription was reactivated."""

from uuid import UUID

from nodes.messages.event_order import wait_for_earlier_events
from nodes.messages.outbox import REACTIVATED_EVENT, deliver
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.reactivation.records import Active
from nodes.rules.dates import rfc3339
from nodes.services import services


@node("Publish Reactivation Event", step="7")
async def publish_reactivation_event(active: Active) -> Delivered:
    """Publish `subscription.reactivated`, in `subscription.canceled`'s envelope and after it (FEATURES W49, W19)."""
    request = active.case.request

    async def send(item_id: UUID) -> str:
        await wait_for_earlier_events(item_id, request.user_id)
        event = {
            "event": REACTIVATED_EVENT,
            "user_id": request.user_id,
            "subscription_id": active.case.subscription.id,
            "request_id": str(request.id),
            "effective_at": rfc3339(request.received_at),
            "renews_at": rfc3339(active.renews_at),
        }
        return await services().events.publish(event, event_id=str(item_id), ordering_key=request.user_id)

    delivered = await deliver(request.id, request.user_id, REACTIVATED_EVENT, send)
    run_log().info("published %s", REACTIVATED_EVENT)
    return delivered
