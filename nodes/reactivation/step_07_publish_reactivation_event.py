"""Step 7: publish the event that the subscription was reactivated."""

from nodes.messages.events import publish_event
from nodes.messages.outbox import REACTIVATED_EVENT
from nodes.messages.records import Delivered
from nodes.node import node
from nodes.reactivation.records import Active
from nodes.rules.dates import rfc3339


@node("Publish Reactivation Event", step="7")
async def publish_reactivation_event(active: Active) -> Delivered:
    """Publish `subscription.reactivated`, in `subscription.canceled`'s envelope and after it (FEATURES W49, W19)."""
    request = active.case.request
    return await publish_event(
        request.id,
        request.user_id,
        REACTIVATED_EVENT,
        subscription_id=active.case.subscription.id,
        effective_at=rfc3339(request.received_at),
        renews_at=rfc3339(active.renews_at),
    )
