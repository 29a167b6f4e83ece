"""The inbox of Stripe's events: each is recorded once, and handled by one process at a time."""

from nodes.clients.database.client import Transaction
from nodes.clients.webhooks import Notice
from nodes.rules.stripe_changes import PATIENCE
from nodes.services import services


async def receive(notice: Notice) -> bool:
    """Record the event's id and what it is about; return False if it is a duplicate."""
    async with services().database.without_user() as transaction:
        return await record(transaction, notice)


async def record(transaction: Transaction, notice: Notice) -> bool:
    """Record the event in a transaction of the caller's."""
    [new] = await transaction.values(
        "receive_stripe_event",
        id=notice.id,
        type=notice.type,
        change=notice.change.value,
        created_at=notice.created_at,
        livemode=notice.livemode,
        subscription_id=notice.subscription_id,
        customer_id=notice.customer_id,
        caused_by=notice.caused_by,
        patience=PATIENCE.get(notice.change, 0.0),
    )
    return bool(new)


async def renew(event_id: str) -> None:
    """Renew the lease of the run that handles the event."""
    async with services().database.without_user() as transaction:
        await transaction.run("renew_stripe_event", id=event_id)


async def put_off(event_id: str, seconds: float) -> None:
    """Postpone the event by `seconds`."""
    async with services().database.without_user() as transaction:
        await transaction.run("put_off_stripe_event", id=event_id, seconds=seconds)


async def failed(event_id: str, problem: str) -> None:
    """Record why handling the event failed; it is retried later."""
    async with services().database.without_user() as transaction:
        await transaction.run("stripe_event_failed", id=event_id, problem=problem)


async def park(event_id: str) -> None:
    """Leave the event to an operator."""
    async with services().database.without_user() as transaction:
        await transaction.run("park_stripe_event", id=event_id)


async def is_handled(event_id: str) -> bool:
    """Return whether the event was handled."""
    async with services().database.without_user() as transaction:
        [handled] = await transaction.values("stripe_event_is_handled", id=event_id)
    return bool(handled)
