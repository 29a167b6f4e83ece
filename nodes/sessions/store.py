"""Sessions in PostgreSQL: read, moved on, and what happened in them (FEATURES U12)."""

from typing import Any, Literal
from uuid import UUID

from nodes.clients.database.client import Transaction
from nodes.offers.agreed import Agreed, agreed_in
from nodes.services import services
from nodes.sessions.records import Progress, Session

Event = Literal[
    "opened",
    "resumed",
    "step_shown",
    "reason_chosen",
    "offer_shown",
    "offer_declined",
    "offer_accepted",
    "cancellation_requested",
    "left",
    "attribute_ignored",
    "error",
]


async def session_of(session_id: UUID) -> Session | None:
    """Return a session of any user, or None for an unknown id."""
    user_id = await services().database.owner_of_session(session_id)
    if user_id is None:
        return None
    idle_minutes = services().settings.session_idle_minutes
    async with services().database.as_user(user_id) as transaction:
        return await transaction.one("session", Session, session_id=session_id, idle_minutes=idle_minutes)


async def done_in_session(session: Session) -> int:
    """Return how many of its requests are over and won't be reopened."""
    async with services().database.as_user(session.user_id) as transaction:
        [found] = await transaction.values("done_in_session", prefix=key_prefix(session))
    return int(found)


async def agreed_change(session: Session) -> Agreed | None:
    """Return what the session's change does and costs; None if it was not decided."""
    async with services().database.as_user(session.user_id) as transaction:
        [found] = await transaction.values("agreed_in_session", change_id=session.change_id)
    return agreed_in(found)


async def taken_back(session: Session) -> bool:
    """Return whether the subscription was reactivated after the session's cancellation."""
    async with services().database.as_user(session.user_id) as transaction:
        [found] = await transaction.values("reactivated_since", cancellation_id=session.cancellation_id)
    return bool(found)


async def move(
    transaction: Transaction,
    session: Session,
    *,
    progress: Progress | None = None,
    subscription_id: str | None = None,
    texts: dict[str, str] | None = None,
    closed: bool = False,
) -> None:
    """Record the customer's activity, and what it changes; None: nothing. Locks the session's row.

    `closed`: the customer closed the component, instead of going on.
    """
    await transaction.run(
        "session_moved",
        session_id=session.id,
        progress=progress.as_json() if progress else None,
        subscription_id=subscription_id,
        texts=texts,
        closed=closed,
    )


async def left(session: Session) -> None:
    """Record that the customer chose to change nothing."""
    async with services().database.as_user(session.user_id) as transaction:
        await move(transaction, session)
        await happened(transaction, session, "left")


def key_prefix(session: Session) -> str:
    """Return how the idempotency keys of its requests begin."""
    return f"session:{session.id}:"


async def happened(transaction: Transaction, session: Session, kind: Event, **detail: Any) -> None:
    """Add an event to the session, unless its token says `record: false`. After `move`, which locks the row."""
    await transaction.run("add_session_event", session_id=session.id, kind=kind, detail=detail)
