"""Step 10B: publish the event that the subscription was cancelled."""

from nodes.cancellation.late_reason import reason_to_publish
from nodes.cancellation.records import PendingCancellation
from nodes.cancellation.reported import access_and_refund
from nodes.messages.events import publish_event
from nodes.messages.outbox import EVENT
from nodes.messages.records import Delivered
from nodes.node import node
from nodes.rules.dates import rfc3339


@node("Publish Cancellation Event", step="10B")
async def publish_cancellation_event(pending: PendingCancellation) -> Delivered:
    """Publish `subscription.canceled` on `billing-events`, ordered by user (SPEC, Decided 8; FEATURES W18, W19)."""
    request, cancel_at = pending.case.request, rfc3339(pending.cancel_at)
    reason = await reason_to_publish(request, pending.category)
    members = {"reason": reason, "cancel_at": cancel_at, "effective_at": cancel_at}
    if pending.terms.by_policy:
        members |= access_and_refund(pending.terms, pending.cancel_at)
    return await publish_event(request.id, request.user_id, EVENT, **members)
