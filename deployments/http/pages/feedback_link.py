"""The feedback form behind the emails' feedback links. A GET changes nothing; its button sends a POST."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from deployments.http.dependencies import TheServices
from deployments.http.pages.opened import Opened, opened, page_of_link
from deployments.http.pages.page import page, read_form
from email_templates.translations import Language
from nodes.cancellation.feedback import Question, question, save_feedback
from nodes.rules.reasons import STRIPE_FEEDBACK
from nodes.rules.texts import translatable

router = APIRouter(tags=["pages"], include_in_schema=False)

# Stripe's reasons, as customers read them.
REASONS = {
    "too_expensive": translatable("It's too expensive"),
    "missing_features": translatable("It's missing something I need"),
    "switched_service": translatable("I've switched to another service"),
    "unused": translatable("I don't use it enough"),
    "customer_service": translatable("Customer support didn't help me"),
    "too_complex": translatable("It's too hard to use"),
    "low_quality": translatable("It didn't work well enough"),
    "other": translatable("Another reason"),
}


@router.get("/feedback")
@page_of_link
async def feedback(request: Request, available: TheServices, token: str = "") -> HTMLResponse:
    """Show the feedback form: the email's feedback link."""
    link = await opened(request, "feedback", token)
    asked = await question(link.request_id, link.user_id)
    return _ask(link, asked, token)


@router.get("/feedback/{token}")
async def feedback_in_path(token: str) -> RedirectResponse:
    """Redirect from the link without a question mark. Relative, because `PUBLIC_URL` may have a path."""
    return RedirectResponse(f"../feedback?{urlencode({'token': token})}", 303, headers={"Cache-Control": "no-store"})


@router.post("/feedback")
@page_of_link
async def press_feedback(request: Request, available: TheServices) -> HTMLResponse:
    """Save the feedback, once."""
    form = await read_form(request)
    link = await opened(request, "feedback", form.get("token", ""))
    asked = await question(link.request_id, link.user_id)
    # A browser sends a line break as two characters but counts it as one for `maxlength`.
    written = form.get("feedback", "").replace("\r\n", "\n").strip()
    reason = form.get("reason") or None
    if wrong := _wrong(link.language, asked, reason, written):
        return _ask(link, asked, form["token"], wrong=wrong, written=written, chosen=reason)
    await save_feedback(link.request_id, link.user_id, reason=reason, feedback=written or None)
    _ = link.language.gettext
    thanks = _("A person reads every reply. There's nothing else you need to do.")
    return page(link.language, _("Thank you for your feedback"), thanks)


def _wrong(language: Language, asked: Question, reason: str | None, written: str) -> str | None:
    _, too_many = language.gettext, len(written) - asked.room
    if reason is not None and reason not in STRIPE_FEEDBACK:
        return _("Choose one of the reasons below.")
    if not reason and not written:
        return _("Choose a reason or write something before you send it.")
    if "\0" in written:
        return _("Your text contains a character that we can't store. Try typing it again.")
    if too_many > 0:
        return language.ngettext(
            "Your text is %(characters)s character too long. Shorten it and send it again.",
            "Your text is %(characters)s characters too long. Shorten it and send it again.",
            too_many,
            characters=language.number(too_many),
        )
    return None


def _ask(
    link: Opened, asked: Question, token: str, *, wrong: str | None = None, written: str = "", chosen: str | None = None
) -> HTMLResponse:
    _ = link.language.gettext
    reasons = [(code, link.language.translated(text)) for code, text in REASONS.items()]
    return page(
        link.language,
        _("Your feedback"),
        _("Tell us why you're leaving or what we could do better. This won't affect your cancellation."),
        status=400 if wrong else 200,
        name="feedback.html",
        reference=str(link.request_id),
        token=token,
        reasons=reasons if asked.ask_reason else [],
        room=asked.room,
        wrong=wrong,
        written=written,
        chosen=chosen,
    )
