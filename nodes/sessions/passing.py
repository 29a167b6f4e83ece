"""Move a session on: steps passed, offers declined, requests started; each with its event (FEATURES U12)."""

from dataclasses import dataclass, replace
from uuid import UUID

from email_templates.translations import Language
from nodes.rules.blueprints.blueprint import Step
from nodes.rules.blueprints.screens import Passed
from nodes.rules.reasons import MAX_FEEDBACK_CHARACTERS, PREFER_NOT_TO_SAY
from nodes.services import services
from nodes.sessions.records import Progress, Session
from nodes.sessions.screens import Shown
from nodes.sessions.store import happened, move


@dataclass(frozen=True)
class Filled:
    """What the customer filled in on a step: the code of a reason, and free text. `offers`: the ids that they saw."""

    reason: str | None = None
    text: str = ""
    offers: tuple[str, ...] = ()

    @classmethod
    def of(cls, form: dict[str, str], step: Step) -> "Filled":
        """Read a step's form. Each reason with a follow-up question has a text of its own."""
        reason = form.get("reason") or None
        text = form.get(f"text-{reason}", "") if step.kind == "survey" else form.get("text", "")
        # A browser sends a line break as two characters but counts it as one for `maxlength`.
        return cls(reason, text.replace("\r\n", "\n").strip(), tuple(form.get("offers", "").split()))

    @property
    def given(self) -> bool:
        """Whether anything was filled in."""
        return bool(self.reason or self.text)

    def wrong(self, language: Language, step: Step) -> str | None:
        """Return what has to be corrected, if anything."""
        _ = language.gettext
        codes = {PREFER_NOT_TO_SAY, *(each.code for each in step.reasons)}
        if step.kind == "survey":
            if self.reason is not None and self.reason not in codes:
                return _("Choose one of the reasons below.")
            if step.required and self.reason is None:
                return _("Choose a reason, or “I'd rather not say”.")
        if "\0" in self.text:
            return _("Your text contains a character that we can't store. Try typing it again.")
        if len(self.text) > MAX_FEEDBACK_CHARACTERS:
            return _("Your text is too long. Shorten it and send it again.")
        least = max(step.min_length, 1 if step.required else 0)
        if step.kind == "feedback" and (self.text or step.required) and len(self.text) < least:
            return language.ngettext("Write at least one character.", "Write at least %(count)s characters.", least)
        return None


async def pass_step(session: Session, shown: Shown, filled: Filled) -> Progress:
    """Record that the customer has passed the step that is shown. Returns the progress after it."""
    step = shown.step
    offers = _known(shown, filled.offers) if step.kind == "offer" else ()
    reason = filled.reason if step.kind == "survey" else None
    progress = session.so_far.after(Passed(shown.place, reason, offers))
    async with services().database.as_user(session.user_id) as transaction:
        await move(
            transaction, session, progress=progress, texts={str(shown.place): filled.text} if filled.text else None
        )
        if reason:
            await happened(transaction, session, "reason_chosen", reason=reason)
        if offers:
            await happened(transaction, session, "offer_declined", offers=list(offers))
    return progress


def _known(shown: Shown, offers: tuple[str, ...]) -> tuple[str, ...]:
    """Return those offers that the catalogue has for the subscription's plan, each once."""
    known = services().catalog.plan(shown.subscription.plan).all_offers if shown.subscription else ()
    ids = {each.id for each in known}
    return tuple(each for each in dict.fromkeys(offers) if each in ids)


async def notice(session: Session, name: str) -> None:
    """Record that the customer has read the notice of a pause or a discount."""
    progress = replace(session.so_far, noticed=(*session.so_far.noticed, name))
    async with services().database.as_user(session.user_id) as transaction:
        await move(transaction, session, progress=progress)


async def step_shown(session: Session, shown: Shown) -> None:
    """Record what is shown, and that the customer is active."""
    offers = [each["id"] for each in shown.offers]
    async with services().database.as_user(session.user_id) as transaction:
        await move(transaction, session)
        name = shown.step.kind if shown.state == "step" else shown.state
        if offers:
            await happened(transaction, session, "offer_shown", step=name, place=shown.place, offers=offers)
        else:
            await happened(transaction, session, "step_shown", step=name, place=shown.place)


async def clear_texts(session: Session) -> None:
    """Forget what the customer wrote: the cancellation has it."""
    if session.texts:
        async with services().database.as_user(session.user_id) as transaction:
            await transaction.run("clear_session_texts", session_id=session.id)


async def refused_change(session: Session, request_id: UUID, offer_id: str | None) -> None:
    """Record that the change was refused; the session goes on."""
    async with services().database.as_user(session.user_id) as transaction:
        await move(transaction, session)
        await happened(transaction, session, "error", offer=offer_id or "resume", request_id=str(request_id))


async def failed_handler(session: Session, handler: str) -> None:
    """Record that the company's page could not carry an action out, or was not allowed to; nothing else changes."""
    async with services().database.as_user(session.user_id) as transaction:
        await move(transaction, session)
        await happened(transaction, session, "error", handler=handler)


async def drop_change(session: Session) -> None:
    """Go back to the steps after a change that failed; one that was made stays."""
    async with services().database.as_user(session.user_id) as transaction:
        await transaction.run("drop_session_change", session_id=session.id)
