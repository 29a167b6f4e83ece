"""What the company's page says that it carried out itself, or failed to (FEATURES C15 to C17).

Its form has `handled`, which is 1 or 0, and `handled_message`, a text for the customer.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi.responses import Response

from deployments.http.pages.cancel.preview_mode import preview_page
from deployments.http.pages.cancel.requests import Form, Page, cancel, change
from deployments.http.pages.cancel.screens import screen
from nodes.cancellation.intake import Asked as AskedToCancel
from nodes.changes.intake import Asked, kind_of
from nodes.refusals.carriers import HandlerNotDeclared
from nodes.refusals.changes import OfferNotFound
from nodes.requests.carrying_out import ByPage
from nodes.requests.intake import attempt_of
from nodes.requests.kind import CANCELLATION, CHANGES, Kind
from nodes.rules.carriers import handler_of, message_in
from nodes.sessions.adoption import adopt_cancellation, adopt_change
from nodes.sessions.blueprints import blueprint_of, reason_of
from nodes.sessions.passing import Filled, failed_handler, pass_step
from nodes.sessions.records import Session
from nodes.sessions.screens import Shown, screen_of

_CHOICE = {"months": int, "weeks": int, "price": str}


@dataclass(frozen=True)
class _Pressed:
    """The button that the page acted on: its handler, and of an offer its id, kind of change and choice."""

    handler: str
    kind: Kind
    offer_id: str = ""
    change: str = ""
    choice: dict[str, Any] | None = None


async def handled(page: Page, form: Form) -> Response | None:
    """Receive what the page did, which counts if Stripe shows it. Returns as `act`."""
    session, pressed = page.session, _pressed(form)
    if pressed is None or session.subscription_id is None:
        return None
    try:
        async with attempt_of(pressed.kind, session.user_id):
            _refuse_undeclared(session, pressed.handler)
    except HandlerNotDeclared as refusal:
        await failed_handler(session, pressed.handler)
        return await _again(page, page.language.translated(refusal.text))
    message = message_in(form.get("handled_message"))
    if form["handled"] != "1":
        await failed_handler(session, pressed.handler)
        return await _again(page, message or page.language.gettext("Nothing was changed. Try again."))
    if session.claims.preview:
        return preview_page(page.language, [])
    if pressed.choice is None:
        return await _cancelled(page, form, ByPage(message))
    if await adopt_change(session, pressed.change, pressed.offer_id):
        return None
    return await change(page, Asked(pressed.offer_id, session.subscription_id, pressed.choice, by_page=ByPage(message)))


def _pressed(form: Form) -> _Pressed | None:
    if form.get("action") == "cancel":
        return _Pressed("cancel", CANCELLATION)
    with suppress(ValueError, TypeError, AttributeError, RecursionError, OfferNotFound):
        offer_id, chosen = json.loads(form.get("accept", ""))
        choice = {name: chosen[name] for name, its_type in _CHOICE.items() if type(chosen.get(name)) is its_type}
        kind = kind_of(Asked(str(offer_id), None, choice))
        return _Pressed(handler_of(kind), CHANGES[kind], str(offer_id), kind, choice)
    return None


def _refuse_undeclared(session: Session, handler: str) -> None:
    if handler not in session.claims.handlers:
        raise HandlerNotDeclared


async def _again(page: Page, wrong: str) -> Response:
    return await screen(page.session, await screen_of(page.session, page.reads), page.reads, wrong=wrong)


async def _cancelled(page: Page, form: Form, by_page: ByPage) -> Response | None:
    """Receive the page's cancellation, with the reason so far; whatever was required, it is too late to ask for it."""
    session, chosen = page.session, await blueprint_of(page.session)
    progress, feedback = session.so_far, session.feedback
    at = {str(place): step for place, step in enumerate(chosen.blueprint.steps)}
    if step := at.get(place := form.get("place", "")):
        filled = Filled.of(form, step)
        if filled.given and not filled.wrong(page.language, step):
            shown = Shown("step", chosen=chosen, place=int(place), step=step)
            progress = await pass_step(session, shown, filled)
            feedback = session.with_text(int(place), filled.text).feedback
    reason, _ = reason_of(chosen, progress)
    if await adopt_cancellation(session, reason, feedback):
        return None
    asked = AskedToCancel(session.user_id, reason, feedback, False, session.subscription_id, by_page=by_page)
    return await cancel(page, asked)
