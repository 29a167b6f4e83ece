"""The pages linked in emails. A GET changes nothing; the button on the page sends a POST."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from deployments.http.api.carry_out import ANSWER_SECONDS, carried_out
from deployments.http.dependencies import TheBacklog, TheServices
from deployments.http.pages.opened import ended, opened, sorry
from deployments.http.pages.page import Button, page, read_form
from flows.reactivate_subscription import reactivate_subscription
from nodes.cancellation.feedback import Question, question, save_feedback
from nodes.errors import DatabaseUnavailable
from nodes.reactivation.intake import receive
from nodes.reactivation.look_up import preview
from nodes.refusals import Refusal
from nodes.requests.kind import REACTIVATION
from nodes.requests.status import RequestStatus
from nodes.rules.reasons import STRIPE_FEEDBACK
from nodes.services import using

router = APIRouter(tags=["pages"], include_in_schema=False)

_BUTTON = Button("reactivate", "Reactivate Subscription")
REASONS = {
    "too_expensive": "It's too expensive",
    "missing_features": "It's missing something I need",
    "switched_service": "I've switched to another service",
    "unused": "I don't use it enough",
    "customer_service": "Customer support didn't help me",
    "too_complex": "It's too hard to use",
    "low_quality": "It didn't work well enough",
    "other": "Another reason",
}


@router.get("/reactivate")
async def reactivate(available: TheServices, token: str = "") -> HTMLResponse:
    """Show what reactivating will do, and the button that does it: the email's "Reactivate Subscription" link."""
    with using(available):
        try:
            link = await opened("reactivate", token)
            shown = await preview(link.user_id, link.subscription_id)
        except (Refusal, DatabaseUnavailable) as error:
            return sorry(error)
        reference = str(link.request_id)
        if shown.ends_on is None:
            return _active(shown.plan, shown.renews_on, reference)
        return page(
            f"Keep your {shown.plan} plan?",
            f"Your {shown.plan} plan is cancelled and ends on {shown.ends_on}.",
            f"Reactivate to keep it. It will renew on {shown.renews_on} on the same terms. "
            "We'll send you an email to confirm.",
            name="button.html",
            button=_BUTTON,
            reference=reference,
            token=token,
        )


@router.post("/reactivate")
async def press_reactivate(request: Request, available: TheServices, backlog: TheBacklog) -> HTMLResponse:
    """Reactivate, as `POST /reactivate-subscription` does, authenticated by the link."""
    with using(available):
        try:
            token = (await read_form(request)).get("token", "")
            link = await opened("reactivate", token)
            received = await receive(link.user_id, link.user_id, link.subscription_id, origin="link")
            deadline = request.state.arrived + ANSWER_SECONDS
            request_status = await carried_out(
                REACTIVATION, reactivate_subscription, received, link.user_id, backlog, deadline
            )
            if request_status is not None and request_status.http_status == 200:
                shown = await preview(link.user_id, link.subscription_id)
                return _active(shown.plan, shown.renews_on, str(link.request_id))
        except (Refusal, DatabaseUnavailable) as error:
            return sorry(error)
        return _not_active_yet(request_status, str(received.request_id), token)


@router.get("/feedback")
async def feedback(available: TheServices, token: str = "") -> HTMLResponse:
    """Show the feedback form: the email's feedback link."""
    with using(available):
        try:
            link = await opened("feedback", token)
            asked = await question(link.request_id, link.user_id)
        except (Refusal, DatabaseUnavailable) as error:
            return sorry(error)
        return _ask(asked, token, str(link.request_id))


@router.get("/feedback/{token}")
async def feedback_in_path(token: str) -> RedirectResponse:
    """Redirect from the link without a question mark. Relative, because `PUBLIC_URL` may have a path."""
    return RedirectResponse(f"../feedback?{urlencode({'token': token})}", 303, headers={"Cache-Control": "no-store"})


@router.post("/feedback")
async def press_feedback(request: Request, available: TheServices) -> HTMLResponse:
    """Save the feedback, once."""
    with using(available):
        try:
            form = await read_form(request)
            link = await opened("feedback", form.get("token", ""))
            asked = await question(link.request_id, link.user_id)
            # A browser sends a line break as two characters but counts it as one for `maxlength`.
            written = form.get("feedback", "").replace("\r\n", "\n").strip()
            reason = form.get("reason") or None
            if wrong := _wrong(asked, reason, written):
                return _ask(asked, form["token"], str(link.request_id), wrong=wrong, written=written, chosen=reason)
            await save_feedback(link.request_id, link.user_id, reason=reason, feedback=written or None)
        except (Refusal, DatabaseUnavailable) as error:
            return sorry(error)
        return page("Thank you for your feedback", "A person reads every reply. There's nothing else you need to do.")


def _wrong(asked: Question, reason: str | None, written: str) -> str | None:
    if reason is not None and reason not in STRIPE_FEEDBACK:
        return "Choose one of the reasons below."
    if not reason and not written:
        return "Choose a reason or write something before you send it."
    if "\0" in written:
        return "Your text contains a character that we can't store. Try typing it again."
    if len(written) > asked.room:
        return f"Your text is {len(written) - asked.room:,} characters too long. Shorten it and send it again."
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
        "Tell us why you're leaving or what we could do better. This won't affect your cancellation.",
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
        f"It renews on {renews_on}. There's nothing else you need to do.",
        reference=reference,
    )


def _not_active_yet(request_status: RequestStatus | None, reference: str, token: str) -> HTMLResponse:
    if request_status is None or request_status.http_status is None:
        wait = "This is taking a little longer than usual."
        done = "You don't need to press the button again: we'll email you when it's done."
        return page("We're reactivating your plan", wait, done, status=202, reference=reference)
    if request_status.http_status == 410:
        return ended(reference)
    if request_status.http_status == 500:
        title, text = "That did not work", "Nothing was changed. Try again."
        return page(title, text, status=500, name="button.html", button=_BUTTON, reference=reference, token=token)
    detail = str((request_status.response or {}).get("detail"))
    again = "Nothing was changed. Try again in a moment."
    return page(
        detail,
        again,
        status=request_status.http_status,
        name="button.html",
        button=_BUTTON,
        reference=reference,
        token=token,
    )
