"""Sessions in PostgreSQL: read, moved on, and what happened in them (FEATURES U12)."""

from typing import Any, Literal
from uuid import UUID

from nodes.clients.database import Transaction
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


async def move(
    transaction: Transaction,
    session: Session,
    *,
    progress: Progress | None = None,
    subscription_id: str | None = None,
    texts: dict[str, str] | None = None,
) -> None:
    """Record the customer's activity, and what it changes; None: nothing. Locks the session's row."""
    await transaction.run(
        "session_moved",
        session_id=session.id,
        progress=progress.as_json() if progress else None,
        subscription_id=subscription_id,
        texts=texts,
    )


async def happened(transaction: Transaction, session: Session, kind: Event, **detail: Any) -> None:
    """Add an event to the session, unless its token says `record: false`. After `move`, which locks the row."""
    await transaction.run("add_session_event", session_id=session.id, kind=kind, detail=detail)
