"""The record that the React component sends afterwards: the reason and the text count, anything else is a claim."""

from dataclasses import dataclass

from nodes.messages.webhooks import put_webhooks
from nodes.rules.blueprints.screens import Passed
from nodes.services import services
from nodes.sessions.blueprints import blueprint_of
from nodes.sessions.passing import clear_texts
from nodes.sessions.records import Session
from nodes.sessions.store import happened, move, session_of
from nodes.tasks.of_sessions import put_session_tasks


@dataclass(frozen=True)
class Presented:
    """An offer that the component says it showed."""

    offer: str
    declined: bool


@dataclass(frozen=True)
class Record:
    """What the component says. `reason`: the code of one of the blueprint's. `aborted`: the customer closed it."""

    reason: str | None
    text: str | None
    aborted: bool
    presented: tuple[Presented, ...] = ()


async def save_record(session: Session, record: Record) -> None:
    """Record the reason and what was shown; then give the reason to the session's cancellation, if there is one."""
    steps = (await blueprint_of(session)).blueprint.steps
    places = {step.kind: place for place, step in reversed(list(enumerate(steps)))}
    survey, feedback = places.get("survey", len(steps)), places.get("feedback", len(steps))
    progress = session.so_far.after(Passed(survey, record.reason)) if record.reason else None
    async with services().database.as_user(session.user_id) as transaction:
        texts = {str(feedback): record.text} if record.text else None
        await move(transaction, session, progress=progress, texts=texts, closed=record.aborted)
        if record.reason:
            await happened(transaction, session, "reason_chosen", reason=record.reason)
        for each in record.presented:
            await happened(transaction, session, "offer_shown", offers=[each.offer])
            if each.declined:
                await happened(transaction, session, "offer_declined", offers=[each.offer])
        if record.aborted:
            await happened(transaction, session, "left")
        await put_webhooks(transaction, session.id)
        await put_session_tasks(transaction, session.id)
    if current := await session_of(session.id):
        await fill_in_reason(current)


async def fill_in_reason(session: Session) -> None:
    """Give the reason and the text to the session's cancellation, once; a reason that it has stays.

    Until step 5B has captured that there was none, and while step 6B sends that to Stripe, the session keeps them.
    Step 10B looks for them there.
    """
    code, text = session.so_far.reason, session.feedback
    if session.outcome not in ("cancelled", "manual") or not (code or text):
        return
    reason = (await blueprint_of(session)).blueprint.reasons.get(code or "")
    async with services().database.as_user(session.user_id) as transaction:
        await transaction.run(
            "fill_in_missing_reason",
            request_id=session.cancellation_id,
            category=reason.stripe if reason else None,
            feedback=text,
        )
        [captured] = await transaction.values("reason_was_captured", request_id=session.cancellation_id)
    if captured:
        await clear_texts(session)
