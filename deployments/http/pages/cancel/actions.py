"""What each button of the cancel page does, through the flows that the API starts (FEATURES U13 to U16)."""

from dataclasses import replace

from fastapi.responses import Response

from deployments.http.pages.cancel.handled import handled
from deployments.http.pages.cancel.options import is_time, option_of
from deployments.http.pages.cancel.preview_mode import calls_to_accept, calls_to_cancel, preview_page
from deployments.http.pages.cancel.requests import Form, Page, cancel, change, gone
from deployments.http.pages.cancel.screens import screen
from nodes.cancellation.intake import Asked as AskedToCancel
from nodes.changes.intake import Asked
from nodes.offers.listing import choice_of
from nodes.rules.blueprints.screens import next_required, step_at
from nodes.sessions.blueprints import reason_of
from nodes.sessions.opening import choose_subscription
from nodes.sessions.passing import Filled, drop_change, notice, pass_step
from nodes.sessions.records import Session
from nodes.sessions.screens import Shown, screen_of
from nodes.sessions.store import done_in_session, session_of


async def act(page: Page, form: Form) -> Response | None:
    """Do what was pressed. Returns a page to show, or None for the session's next screen.

    Raises `BillingFailed`, `DatabaseUnavailable` and `TooManyAttempts`; nothing was changed then.
    """
    session, action = page.session, form.get("action", "")
    if action == "choose":
        if session.subscription_id is None:  # the token's, or the one chosen before, stays (FEATURES U20)
            await choose_subscription(session, form.get("subscription", ""))
        return None
    if action == "back":
        await drop_change(session)
        return None
    # Before Stripe is read: what is done then isn't shown as possible any more.
    page = replace(page, done=await done_in_session(session))
    if "handled" in form:
        return await handled(page, form)
    accepted = form.get("accept")
    # Only for an offer that is accepted: however slow Stripe is, a cancellation must be recorded without delay.
    shown = await screen_of(session, page.reads if accepted else None)
    if action == "cancel":
        return await _cancel(page, shown, form)
    if action == "resume" and shown.state == "paused":
        return await _resume(page, shown)
    if accepted:
        return await _accept(page, shown, accepted, form.get("as_of", ""))
    if action == "notice" and shown.state in ("paused", "discounted"):
        await notice(session, shown.state)
    elif action == "next" and (at := _filled_at(session, shown, form)):
        filled = Filled.of(form, at.step)
        if wrong := filled.wrong(page.language, at.step):
            return await screen(session, at, page.reads, filled=filled, wrong=wrong)
        await pass_step(session, at, filled)
    return None  # a page that was shown earlier: the current one follows


def _filled_at(session: Session, shown: Shown, form: Form) -> Shown | None:
    """Return the step whose form was sent. A required one is shown even while a notice or an offer comes before it."""
    if shown.chosen is None:
        return None
    found = step_at(shown.chosen.blueprint, session.so_far.passed, form.get("place", ""))
    return replace(shown, state="step", place=found.place, step=found.step) if found else None


async def _cancel(page: Page, shown: Shown, form: Form) -> Response | None:
    """Cancel, unless the company requires an answer first. What was filled in on this screen counts."""
    session = page.session
    if not shown.subscription or not shown.chosen:
        return None
    progress, feedback = session.so_far, session.feedback
    if at := _filled_at(session, shown, form):
        filled = Filled.of(form, at.step)
        if wrong := filled.wrong(page.language, at.step):
            return await screen(session, at, page.reads, filled=filled, wrong=wrong)
        progress = await pass_step(session, at, filled)
        feedback = session.with_text(at.place, filled.text).feedback
    if required := next_required(shown.chosen.blueprint, progress.passed):
        at_it = Shown("step", shown.subscription, shown.chosen, place=required.place, step=required.step)
        return await screen(session, at_it, page.reads)
    if session.claims.preview:
        return preview_page(page.language, await calls_to_cancel(shown.subscription))
    reason, option = reason_of(shown.chosen, progress)
    asked = AskedToCancel(
        session.user_id, reason, feedback, False, subscription_id=shown.subscription.id, feedback_option=option
    )
    return await cancel(page, asked)


async def _resume(page: Page, shown: Shown) -> Response | None:
    """End a pause."""
    if page.session.claims.preview:
        return preview_page(page.language, [f"POST /v1/subscriptions/{_subscription(shown)} pause_collection="])
    return await change(page, Asked(None, _subscription(shown), {}))


async def _accept(page: Page, shown: Shown, accepted: str, as_of: str) -> Response | None:
    """Accept the option that the button names, as it was shown `as_of`; it must still be shown (FEATURES C14, U08)."""
    found = option_of(accepted, shown.offers)
    if found is None:
        now = await session_of(page.session.id)
        if now and (now.change_id != page.session.change_id or now.outcome == "saved"):
            return None  # it was pressed twice, and the first press was quicker
        return await screen(page.session, shown, page.reads, wrong=gone(page.language))
    offer, option = found
    if page.session.claims.preview:
        return preview_page(page.language, calls_to_accept(_subscription(shown), offer, option, shown.as_of))
    has_price = offer["kind"] not in ("contact", "redirect")
    seen = {"as_of": as_of if is_time(as_of) else shown.as_of} if has_price else {}
    return await change(page, Asked(offer["id"], _subscription(shown), choice_of(option) | seen))


def _subscription(shown: Shown) -> str:
    if shown.subscription is None:
        raise LookupError("the screen is about no subscription")
    return shown.subscription.id
