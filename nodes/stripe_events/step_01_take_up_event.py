"""Step 1: an event of the inbox, and which subscriptions of ours it is about."""

from dataclasses import dataclass
from uuid import UUID

from prefect.runtime import flow_run

from nodes.errors import EventUnknown
from nodes.node import node, run_log
from nodes.rules.moments import Moment
from nodes.services import services
from nodes.stripe_events.records import StripeEvent, Subject


@dataclass(frozen=True)
class _Event:
    id: str
    type: str
    moment: str
    tries: int
    caused_by: UUID | None
    handled: bool


@node("Take Up Event", step="1")
async def take_up_event(event_id: str) -> StripeEvent:
    """One that was handled, or that is about nobody's subscription here, has no subject."""
    async with services().database.as_nobody() as transaction:
        event = await transaction.one("take_up_stripe_event", _Event, id=event_id, flow_run_id=flow_run.id)
        subjects = await transaction.all("subscriptions_of_stripe_event", Subject, id=event_id)
    if event is None:
        raise EventUnknown(f"no event {event_id} has come in")
    run_log().info("%s: %s, about %d subscriptions, try %d", event.id, event.type, len(subjects), event.tries)
    about = () if event.handled else tuple(subjects)
    return StripeEvent(event.id, Moment(event.moment), event.tries, event.caused_by, about)
