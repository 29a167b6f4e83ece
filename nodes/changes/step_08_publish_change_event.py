"""Step 8: publish the event that the subscription was changed."""

from nodes.changes.records import Changed
from nodes.messages.events import publish_event
from nodes.messages.outbox import CHANGED_EVENT
from nodes.messages.records import Delivered
from nodes.node import node
from nodes.rules.dates import rfc3339


@node("Publish Change Event", step="8")
async def publish_change_event(changed: Changed) -> Delivered:
    """Publish `subscription.changed`, in `subscription.canceled`'s envelope and in order with it (FEATURES W19)."""
    case, agreed = changed.accepted.case, changed.accepted.agreed
    times = {"resumes_at": agreed.resumes_at, "trial_ends_at": agreed.trial_ends_at, "starts_at": agreed.starts_at}
    return await publish_event(
        case.request.id,
        case.request.user_id,
        CHANGED_EVENT,
        subscription_id=case.subscription.id,
        change=case.request.kind,
        offer_id=case.request.offer_id,
        effective_at=rfc3339(case.request.received_at),
        **{name: rfc3339(at) for name, at in times.items() if at},
    )
