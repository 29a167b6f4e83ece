"""The inbox: an event comes in once, and is claimed by one process at a time."""

from dataclasses import dataclass
from uuid import UUID

from nodes.clients.webhooks import Notice
from nodes.reactivation.claim import Claimed
from nodes.services import services


@dataclass(frozen=True)
class _Event:
    id: str
    died_in: UUID | None


async def receive(notice: Notice) -> bool:
    """Keep the event's id and what it is about; false if it has come in before."""
    async with services().database.as_nobody() as transaction:
        [new] = await transaction.values(
            "receive_stripe_event",
            id=notice.id,
            type=notice.type,
            moment=notice.moment.value,
            created_at=notice.created_at,
            livemode=notice.livemode,
            subscription_id=notice.subscription_id,
            customer_id=notice.customer_id,
            caused_by=notice.caused_by,
        )
    return bool(new)


async def claim_events(at_most: int) -> list[Claimed]:
    """Events that nobody has handled and whose subscription no request of ours is at work on."""
    async with services().database.as_nobody() as transaction:
        found = await transaction.all("claim_stripe_events", _Event, at_most=at_most)
    return [Claimed(each.id, each.died_in) for each in found]


async def put_off(event_id: str, seconds: float) -> None:
    """Its next turn comes in so many seconds."""
    async with services().database.as_nobody() as transaction:
        await transaction.run("put_off_stripe_event", id=event_id, seconds=seconds)


async def failed(event_id: str, problem: str) -> bool:
    """Its next turn comes later, and in the end a person's; true if it waits for one now."""
    async with services().database.as_nobody() as transaction:
        parked = await transaction.values("stripe_event_failed", id=event_id, problem=problem)
    return any(parked)
