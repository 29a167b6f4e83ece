"""Requests that Stripe's events have started about what the company's page did in a session, before it said so."""

from nodes.messages.webhooks import put_webhooks
from nodes.services import services
from nodes.sessions.records import Session
from nodes.sessions.store import move
from nodes.tasks.of_sessions import put_session_tasks


async def adopt_change(session: Session, kind: str, offer_id: str) -> bool:
    """Make such a change the session's; return whether there was one."""
    async with services().database.as_user(session.user_id) as transaction:
        await move(transaction, session)
        found = await transaction.values("adopt_change", session_id=session.id, kind=kind, offer_id=offer_id)
        await put_webhooks(transaction, session.id)
        await put_session_tasks(transaction, session.id)
        return bool(found)


async def adopt_cancellation(session: Session, reason: str, feedback: str | None) -> bool:
    """Make such a cancellation the session's, with its reason; return whether there was one."""
    async with services().database.as_user(session.user_id) as transaction:
        await move(transaction, session)
        found = await transaction.values("adopt_cancellation", session_id=session.id)
        if found:
            await transaction.run("reason_of_adopted", request_id=found[0], category=reason, feedback=feedback)
        await put_webhooks(transaction, session.id)
        return bool(found)
