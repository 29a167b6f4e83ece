"""What each button of the cancel page does, through the flows that the API starts (FEATURES U13 to U16)."""

from dataclasses import dataclass, replace

from fastapi import Request
from fastapi.responses import Response

from deployments.http.backlog import Backlog
from deployments.http.in_session import InSession
from deployments.http.pages.cancel.options import is_time, option_of
from deployments.http.pages.cancel.preview_mode import calls_to_accept, calls_to_cancel, preview_page
from deployments.http.pages.cancel.screens import screen
from deployments.http.runner import Runner
from email_templates.translations import Language
from nodes.cancellation.intake import Asked as AskedToCancel
from nodes.changes.intake import Asked
from nodes.messages.customer_locale import CustomerLocale
from nodes.messages.refusals import refusal_text
from nodes.offers.listing import choice_of
from nodes.refusals import KeyUnderWay
from nodes.rules.reasons import PREFER_NOT_TO_SAY
from nodes.rules.screens import next_required
from nodes.sessions.opening import choose_subscription
from nodes.sessions.passing import Filled, drop_change, notice, pass_step, refused_change
from nodes.sessions.records import Session
from nodes.sessions.screens import Shown, screen_of
from nodes.sessions.store import done_in_session, key_prefix, session_of

Form = dict[str, str]


@dataclass(frozen=True)
class Page:
    """The page on which something was pressed."""

    request: Request
    session: Session
    runner: Runner
    backlog: Backlog
    reads: CustomerLocale
    done: int = 0  # how many of the session's requests were over before it was pressed

    @property
    def language(self) -> Language:
        """The page's language."""
        return self.reads.language

    @property
    def in_session(self) -> InSession:
        """The press as a call in the session."""
        return InSession(self.session, self.runner, self.backlog, self.request.state.arrived)

    def key(self, fingerprint: bytes) -> str:
        """Return the idempotency key: the same action is one request, however often it is pressed, until it is over."""
        return f"{key_prefix(self.session)}{self.done}:{fingerprint.hex()[:32]}"


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
    done = await done_in_session(session)  # before Stripe is read: what is done then isn't shown as possible any more
    shown, page = await screen_of(session, page.reads), replace(page, done=done)
    if action == "cancel":
        return await _cancel(page, shown, form)
    if action == "resume" and shown.state == "paused":
        return await _resume(page, shown)
    if accepted := form.get("accept"):
        return await _accept(page, shown, accepted, form.get("as_of", ""))
    if action == "notice" and shown.state in ("paused", "discounted"):
        await notice(session, shown.state)
    elif action == "next" and shown.state == "step" and form.get("place") == str(shown.place):
        filled = Filled.of(form, shown.step)
        if wrong := filled.wrong(page.language, shown.step):
            return await screen(session, shown, page.reads, filled=filled, wrong=wrong)
        await pass_step(session, shown, filled)
    return None  # a page that was shown earlier: the current one follows


async def _cancel(page: Page, shown: Shown, form: Form) -> Response | None:
    """Cancel, unless the company requires an answer first. What was filled in on this screen counts."""
    session = page.session
    if shown.state not in ("step", "paused", "discounted") or not shown.subscription or not shown.chosen:
        return None
    progress, feedback = session.so_far, session.feedback
    if shown.state == "step" and form.get("place") == str(shown.place):
        filled = Filled.of(form, shown.step)
        if filled.given or not shown.step.required:
            if wrong := filled.wrong(page.language, shown.step):
                return await screen(session, shown, page.reads, filled=filled, wrong=wrong)
            progress = await pass_step(session, shown, filled)
            feedback = session.with_text(shown.place, filled.text).feedback
    if required := next_required(shown.chosen.blueprint, progress.passed):
        at_it = Shown("step", shown.subscription, shown.chosen, place=required.place, step=required.step)
        wrong = Filled().wrong(page.language, required.step) if required.place == shown.place else None
        return await screen(session, at_it, page.reads, wrong=wrong)
    if session.claims.preview:
        return preview_page(page.language, await calls_to_cancel(shown.subscription))
    reasons = shown.chosen.blueprint.reasons
    reason = reasons[progress.reason].stripe if progress.reason in reasons else PREFER_NOT_TO_SAY
    return await _carry_out_cancellation(page, shown, reason, feedback)


async def _carry_out_cancellation(page: Page, shown: Shown, reason: str, feedback: str | None) -> Response | None:
    session = page.session
    asked = AskedToCancel(session.user_id, reason, feedback, accept_offer=False, subscription_id=_subscription(shown))
    try:
        response = (await page.in_session.cancel(asked, page.key(asked.fingerprint()))).response
    except KeyUnderWay:
        return None  # the first press continues
    if response and response.outcome == "refused":  # as by another request that is under way, or a fixed term
        wrong = refusal_text(response.body, page.language)
        return await screen(session, await screen_of(session, page.reads), page.reads, wrong=wrong)
    return None


async def _resume(page: Page, shown: Shown) -> Response | None:
    """End a pause."""
    if page.session.claims.preview:
        return preview_page(page.language, [f"POST /v1/subscriptions/{_subscription(shown)} pause_collection="])
    return await _change(page, shown, Asked(None, _subscription(shown), {}))


async def _accept(page: Page, shown: Shown, accepted: str, as_of: str) -> Response | None:
    """Accept the option that the button names, as it was shown `as_of`; it must still be shown (FEATURES C14, U08)."""
    found = option_of(accepted, shown.offers)
    if found is None:
        now = await session_of(page.session.id)
        if now and (now.change_id != page.session.change_id or now.outcome == "saved"):
            return None  # it was pressed twice, and the first press was quicker
        return await screen(page.session, shown, page.reads, wrong=_gone(page.language))
    offer, option = found
    if page.session.claims.preview:
        return preview_page(page.language, calls_to_accept(_subscription(shown), offer, option))
    has_price = offer["kind"] not in ("contact", "redirect")
    seen = {"as_of": as_of if is_time(as_of) else shown.as_of} if has_price else {}
    return await _change(page, shown, Asked(offer["id"], _subscription(shown), choice_of(option) | seen))


async def _change(page: Page, shown: Shown, asked: Asked) -> Response | None:
    session = page.session
    try:
        decided = await page.in_session.change(asked, page.key(asked.fingerprint()))
    except KeyUnderWay:
        return None
    response = decided.response
    if response and response.outcome == "refused":
        await refused_change(session, decided.request_id, asked.offer_id)
        wrong = _gone(page.language) if asked.offer_id else refusal_text(response.body, page.language)
        return await screen(session, await screen_of(session, page.reads), page.reads, wrong=wrong)
    return None


def _subscription(shown: Shown) -> str:
    if shown.subscription is None:
        raise LookupError("the screen is about no subscription")
    return shown.subscription.id


def _gone(language: Language) -> str:
    return language.gettext("That offer isn't available any more. Nothing was changed.")
