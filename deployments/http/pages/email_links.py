"""Where the links in an email lead: a GET changes nothing, and one press of a button does what the page says."""

from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from deployments.http.api.json_body import BodyInvalid
from deployments.http.api.reactivate_subscription import ANSWER_SECONDS, carried_out
from deployments.http.body_time_limit import BodyTooSlow
from deployments.http.dependencies import TheBacklog, TheServices
from deployments.http.pages.page import page, read_form, way_to_subscribe
from nodes.cancellation.feedback import Question, answer_question, question
from nodes.clients.links import Purpose
from nodes.errors import AnsweredBefore, DatabaseUnavailable, LinkExpired, Refusal, SubscriptionEnded, TooManyAttempts
from nodes.reactivation.intake import receive
from nodes.reactivation.look_up import preview
from nodes.requests.status import Standing
from nodes.rules.reasons import STRIPE_FEEDBACK
from nodes.services import services, using

router = APIRouter(tags=["pages"], include_in_schema=False)

REASONS = {
    "too_expensive": "It is too expensive",
    "missing_features": "It lacks something that I need",
    "switched_service": "I use another service now",
    "unused": "I do not use it enough",
    "customer_service": "Your support did not help me",
    "too_complex": "It is too hard to use",
    "low_quality": "It did not work well enough",
    "other": "Another reason",
}


class _Opened(NamedTuple):
    user_id: str
    request_id: UUID
    subscription_id: str


@router.get("/reactivate")
async def reactivate(available: TheServices, token: str = "") -> HTMLResponse:
    """The email's "Reactivate Subscription" button: what will happen, and the button that does it."""
    with using(available):
        try:
            link = await _opened("reactivate", token)
            shown = await preview(link.user_id, link.subscription_id)
        except (Refusal, DatabaseUnavailable) as error:
            return _sorry(error)
        reference = str(link.request_id)
        if shown.ends_on is None:
            return _active(shown.plan, shown.renews_on, reference)
        return page(
            f"Keep your {shown.plan} plan?",
            f"Your {shown.plan} plan is cancelled and ends on {shown.ends_on}.",
            "If you reactivate it, the cancellation is taken back: the plan goes on with the same terms and renews on "
            f"{shown.renews_on}. We confirm it by email.",
            name="reactivate.html",
            reference=reference,
            token=token,
        )


@router.post("/reactivate")
async def press_reactivate(request: Request, available: TheServices, backlog: TheBacklog) -> HTMLResponse:
    """One press: the same request as `POST /reactivate-subscription`, vouched for by the link."""
    with using(available):
        try:
            token = (await read_form(request)).get("token", "")
            link = await _opened("reactivate", token)
            received = await receive(link.user_id, link.user_id, link.subscription_id, origin="link")
            deadline = request.state.arrived + ANSWER_SECONDS
            standing = await carried_out(received, link.user_id, backlog, deadline)
            if standing is not None and standing.http_status == 200:
                shown = await preview(link.user_id, link.subscription_id)
                return _active(shown.plan, shown.renews_on, str(link.request_id))
        except (Refusal, DatabaseUnavailable) as error:
            return _sorry(error)
        return _not_active_yet(standing, str(received.request_id), token)


@router.get("/feedback")
async def feedback(available: TheServices, token: str = "") -> HTMLResponse:
    """The email's feedback link."""
    with using(available):
        try:
            link = await _opened("feedback", token)
            asked = await question(link.request_id, link.user_id)
        except (Refusal, DatabaseUnavailable) as error:
            return _sorry(error)
        return _ask(asked, token, str(link.request_id))


@router.get("/feedback/{token}")
async def feedback_in_path(token: str) -> RedirectResponse:
    """The same, from an email whose link holds no question mark. Relative, for `PUBLIC_URL` may have a path."""
    return RedirectResponse(f"../feedback?{urlencode({'token': token})}", 303, headers={"Cache-Control": "no-store"})


@router.post("/feedback")
async def press_feedback(request: Request, available: TheServices) -> HTMLResponse:
    """Take the answer, once."""
    with using(available):
        try:
            form = await read_form(request)
            link = await _opened("feedback", form.get("token", ""))
            asked = await question(link.request_id, link.user_id)
            # A browser sends line breaks as two characters and counts them as one.
            written = form.get("feedback", "").replace("\r\n", "\n").strip()
            reason = form.get("reason") or None
            if wrong := _wrong(asked, reason, written):
                return _ask(asked, form["token"], str(link.request_id), wrong=wrong, written=written, chosen=reason)
            await answer_question(link.request_id, link.user_id, reason=reason, feedback=written or None)
        except (Refusal, DatabaseUnavailable) as error:
            return _sorry(error)
        return page("Thank you for your feedback", "We have it, and we read it. You need not do anything else.")


async def _opened(purpose: Purpose, token: str) -> _Opened:
    link = services().links.verify(token, purpose)
    request_id = UUID(link.request_id)
    owner = await services().database.owner_of_request(request_id)
    if owner is None:  # what the link was about has been deleted
        raise LinkExpired
    return _Opened(owner, request_id, link.subscription_id)


def _wrong(asked: Question, reason: str | None, written: str) -> str | None:
    if reason is not None and reason not in STRIPE_FEEDBACK:
        return "Please choose one of the reasons below."
    if not reason and not written:
        return "Please choose a reason or write something before you send it."
    if "\0" in written:
        return "Your text holds a character that we cannot keep. Please write it again."
    if len(written) > asked.room:
        return f"Your text is too long by {len(written) - asked.room:,} characters. Please shorten it."
    return None


def _ask(
    asked: Question,
    token: str,
    reference: str,
    *,
    wrong: str | None = None,
    written: str = "",
    chosen: str | None = None,
) -> HTMLResponse:
    return page(
        "Your feedback",
        "Tell us why you leave, or what we could have done better. It changes nothing about your cancellation.",
        status=400 if wrong else 200,
        name="feedback.html",
        reference=reference,
        token=token,
        reasons=list(REASONS.items()) if asked.ask_reason else [],
        room=asked.room,
        wrong=wrong,
        written=written,
        chosen=chosen,
    )


def _active(plan: str, renews_on: str, reference: str) -> HTMLResponse:
    return page(
        f"Your {plan} plan is active",
        f"It has no end and renews on {renews_on}. You need not do anything else.",
        reference=reference,
    )


def _not_active_yet(standing: Standing | None, reference: str, token: str) -> HTMLResponse:
    if standing is None or standing.http_status is None:
        text = "It takes a little longer than usual. You need not press again: we write to you when it is done."
        return page("We are reactivating your plan", text, status=202, reference=reference)
    if standing.http_status == 410:
        return _ended(reference)
    if standing.http_status == 500:
        title, text = "That did not work", "Nothing was changed. Please press the button again."
        return page(title, text, status=500, name="reactivate.html", reference=reference, token=token)
    detail = str((standing.answer or {}).get("detail"))
    again = "Nothing was changed. Please try again in a moment."
    return page(detail, again, status=standing.http_status, name="reactivate.html", reference=reference, token=token)


def _ended(reference: str | None = None) -> HTMLResponse:
    return page(
        "Your subscription has ended",
        "What was paid for is over, so it cannot be reactivated any more. You can start a new subscription.",
        status=410,
        reference=reference,
        link=way_to_subscribe(),
    )


def _sorry(error: Refusal | DatabaseUnavailable) -> HTMLResponse:
    match error:
        case DatabaseUnavailable():
            return page("Please try again in a moment", "We cannot look at it right now.", status=503)
        case TooManyAttempts(retry_after=seconds):
            text = "You've pressed the button many times in a short while. Nothing was changed."
            return page("Please try again in a minute", text, status=429, retry_after=seconds)
        case AnsweredBefore():
            return page("Thank you, we have your feedback", "It was already received, and is taken once.")
        case SubscriptionEnded():
            return _ended()
        case LinkExpired():
            text = "It worked until the date in the email. If your plan has ended, you can start a new subscription."
            return page(error.text, text, status=410, link=way_to_subscribe())
        case BodyTooSlow():
            text = "The connection may be slow. Nothing was changed. Please send the page again."
            return page("Your page did not reach us in time", text, status=error.status)
        case BodyInvalid():
            return page("This page was not sent as a form", "Please open the link from the email again.", status=400)
    return page(
        error.text, "Please open it again from the email, or write to us. Nothing was changed.", status=error.status
    )
