"""Step 10B: publish the event that the subscription was cancelled."""

from uuid import UUID

from nodes.cancellation.records import PendingCancellation
from nodes.messages.event_order import wait_for_earlier_events
from nodes.messages.outbox import EVENT, deliver
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.rules.dates import rfc3339
from nodes.services import services


@node("Publish Cancellation Event", step="10B")
async def publish_cancellation_event(pending: PendingCancellation) -> Delivered:
    """Publish `subscription.canceled` on `billing-events`, ordered by user (SPEC, Decided 8; FEATURES W18, W19)."""
    request = pending.case.request

    async def send(item_id: UUID) -> str:
        await wait_for_earlier_events(item_id, request.user_id)
        event = {
            "event": EVENT,
            "user_id": request.user_id,
            "reason": pending.category,
            "cancel_at": rfc3339(pending.cancel_at),
            "request_id": str(request.id),
            "effective_at": rfc3339(pending.cancel_at),
        }
        return await services().events.publish(event, event_id=str(item_id), ordering_key=request.user_id)

    delivered = await deliver(request.id, request.user_id, EVENT, send)
    run_log().info("published %s", EVENT)
    return delivered
