"""The feedback form behind the emails' feedback links. A GET changes nothing; its button sends a POST."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from deployments.http.dependencies import TheServices
from deployments.http.pages.opened import opened, page_of_link
from deployments.http.pages.page import page, read_form
from nodes.cancellation.feedback import Question, question, save_feedback
from nodes.rules.reasons import STRIPE_FEEDBACK

router = APIRouter(tags=["pages"], include_in_schema=False)

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


@router.get("/feedback")
@page_of_link
async def feedback(available: TheServices, token: str = "") -> HTMLResponse:
    """Show the feedback form: the email's feedback link."""
    link = await opened("feedback", token)
    asked = await question(link.request_id, link.user_id)
    return _ask(asked, token, str(link.request_id))


@router.get("/feedback/{token}")
async def feedback_in_path(token: str) -> RedirectResponse:
    """Redirect from the link without a question mark. Relative, because `PUBLIC_URL` may have a path."""
    return RedirectResponse(f"../feedback?{urlencode({'token': token})}", 303, headers={"Cache-Control": "no-store"})


@router.post("/feedback")
@page_of_link
async def press_feedback(request: Request, available: TheServices) -> HTMLResponse:
    """Save the feedback, once."""
    form = await read_form(request)
    link = await opened("feedback", form.get("token", ""))
    asked = await question(link.request_id, link.user_id)
    # A browser sends a line break as two characters but counts it as one for `maxlength`.
    written = form.get("feedback", "").replace("\r\n", "\n").strip()
    reason = form.get("reason") or None
    if wrong := _wrong(asked, reason, written):
        return _ask(asked, form["token"], str(link.request_id), wrong=wrong, written=written, chosen=reason)
    await save_feedback(link.request_id, link.user_id, reason=reason, feedback=written or None)
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
