"""Step 12: mark the event as handled."""

from nodes.node import node, run_log
from nodes.services import services
from nodes.stripe_events.records import StripeEvent


@node("Event Handled", step="12")
async def event_handled(event: StripeEvent, outcome: str) -> None:
    """Mark the event as handled, and record its outcome."""
    async with services().database.without_user() as transaction:
        await transaction.run("stripe_event_handled", id=event.id, outcome=outcome)
    run_log().info("%s is handled: %s", event.id, outcome)
