"""Step 1: claim an event of the inbox, with its subscriptions and the objects to copy."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from prefect.runtime import flow_run

from nodes.errors import EventUnknown
from nodes.node import node, run_log
from nodes.rules.stripe_changes import COPIES, Change
from nodes.services import services
from nodes.stripe_events.records import StripeEvent, Subject, ToCopy


@dataclass(frozen=True)
class _Event:
    id: str
    type: str
    change: str
    tries: int
    caused_by: UUID | None
    subscription_id: str | None
    customer_id: str | None
    claimed_at: datetime
    handled: bool


@node("Claim Event", step="1")
async def claim_event(event_id: str) -> StripeEvent:
    """Claim the event. It has no subjects if it was handled, only changes a copy, or concerns no known subscription."""
    async with services().database.without_user() as transaction:
        event = await transaction.one("claim_stripe_event", _Event, id=event_id, flow_run_id=flow_run.id)
        subjects = await transaction.all("subscriptions_of_stripe_event", Subject, id=event_id)
    if event is None:
        raise EventUnknown(f"no event {event_id} was received")
    run_log().info("%s: %s, about %d subscriptions, try %d", event.id, event.type, len(subjects), event.tries)
    change = Change(event.change)
    return StripeEvent(
        event.id,
        change,
        tries=event.tries,
        caused_by=event.caused_by,
        subjects=() if event.handled or change in COPIES else tuple(subjects),
        to_copy=_to_copy(event, change, known=bool(subjects)),
    )


def _to_copy(event: _Event, change: Change, *, known: bool) -> ToCopy | None:
    """Return the changed object if the event changes a copy; for any other event, a subscription without a row."""
    if event.handled or not services().settings.sync_from_stripe:
        return None
    if change not in COPIES and (known or event.subscription_id is None):
        return None
    return ToCopy(event.subscription_id, event.customer_id, event.claimed_at)
