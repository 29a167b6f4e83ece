"""The page behind the email's "Resume now" link, which ends a pause of billing. A GET changes nothing."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from deployments.http.api.carry_out import ANSWER_SECONDS, carried_out
from deployments.http.dependencies import TheBacklog, TheServices
from deployments.http.pages.opened import in_progress, opened, page_of_link
from deployments.http.pages.page import Button, page, read_form
from email_templates.translations import Language
from flows.resume_subscription import resume_subscription
from nodes.changes.intake import Asked, receive
from nodes.changes.look_up import look_up_pause
from nodes.messages.refusals import refusal_text
from nodes.requests.kind import CHANGE

router = APIRouter(tags=["pages"], include_in_schema=False)


@router.get("/resume")
@page_of_link
async def resume(request: Request, available: TheServices, token: str = "") -> HTMLResponse:
    """Show until when billing is paused, and the button that resumes it."""
    link = await opened(request, "resume", token)
    paused, _ = await look_up_pause(link.user_id, link.subscription_id), link.language.gettext
    if paused is None:
        return _resumed(link.language, str(link.request_id))
    if paused.until:
        until = _("Your billing is paused until %(date)s.", date=paused.until)
    else:
        until = _("Your billing is paused until you resume it.")
    return page(
        link.language,
        _("Resume billing now?"),
        until,
        _(
            "If you resume it now, you're charged again at the end of your current billing period. "
            "We'll send you an email with the date and the amount."
        ),
        name="button.html",
        button=_button(link.language),
        reference=str(link.request_id),
        token=token,
    )


@router.post("/resume")
@page_of_link
async def press_resume(request: Request, available: TheServices, backlog: TheBacklog) -> HTMLResponse:
    """Resume billing, as `POST /resume-subscription` does, authenticated by the link."""
    token = (await read_form(request)).get("token", "")
    link = await opened(request, "resume", token)
    [received] = await receive(Asked(None, link.subscription_id, {}), "resume", link.user_id, origin="link")
    deadline = request.state.arrived + ANSWER_SECONDS
    status = await carried_out(CHANGE, resume_subscription, received, link.user_id, backlog, deadline)
    language, reference, _ = link.language, str(received.request_id), link.language.gettext
    if status is None or status.http_status is None or status.response is None:
        return in_progress(language, _("We're resuming your billing"), reference)
    if status.http_status == 200 or status.response.get("reason") == "not_paused":
        return _resumed(language, reference, status.response)
    again = _("%(reason)s. Nothing was changed. Try again in a moment.", reason=refusal_text(status.response, language))
    return page(
        language,
        _("That did not work"),
        again,
        status=status.http_status,
        name="button.html",
        button=_button(language),
        token=token,
    )


def _button(language: Language) -> Button:
    return Button("resume", language.gettext("Resume Billing"))


def _resumed(language: Language, reference: str, response: dict[str, Any] | None = None) -> HTMLResponse:
    charge, _ = ((response or {}).get("preview") or {}).get("text"), language.gettext
    texts = [text for text in (charge, _("There's nothing else you need to do.")) if text]
    return page(language, _("Your billing is active again"), *texts, reference=reference)
