"""The page behind the email's "Resume now" link, which ends a pause of billing. A GET changes nothing."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from deployments.http.api.carry_out import ANSWER_SECONDS, carried_out
from deployments.http.dependencies import TheBacklog, TheServices
from deployments.http.pages.opened import in_progress, opened, page_of_link
from deployments.http.pages.page import Button, page, read_form
from flows.resume_subscription import resume_subscription
from nodes.changes.intake import Asked, receive
from nodes.changes.look_up import paused_until
from nodes.requests.kind import CHANGE

_BUTTON = Button("resume", "Resume Billing")

router = APIRouter(tags=["pages"], include_in_schema=False)


@router.get("/resume")
@page_of_link
async def resume(available: TheServices, token: str = "") -> HTMLResponse:
    """Show until when billing is paused, and the button that resumes it."""
    link = await opened("resume", token)
    until = await paused_until(link.user_id, link.subscription_id)
    if until is None:
        return _resumed(str(link.request_id))
    return page(
        "Resume billing now?",
        f"Your billing is paused until {until}.",
        "If you resume it now, you're charged again at the end of your current billing period. "
        "We'll send you an email with the date and the amount.",
        name="button.html",
        button=_BUTTON,
        reference=str(link.request_id),
        token=token,
    )


@router.post("/resume")
@page_of_link
async def press_resume(request: Request, available: TheServices, backlog: TheBacklog) -> HTMLResponse:
    """Resume billing, as `POST /resume-subscription` does, authenticated by the link."""
    token = (await read_form(request)).get("token", "")
    link = await opened("resume", token)
    [received] = await receive(Asked(None, link.subscription_id, {}), "resume", link.user_id, origin="link")
    deadline = request.state.arrived + ANSWER_SECONDS
    status = await carried_out(CHANGE, resume_subscription, received, link.user_id, backlog, deadline)
    reference = str(received.request_id)
    if status is None or status.http_status is None or status.response is None:
        return in_progress("We're resuming your billing", reference)
    if status.http_status == 200 or status.response.get("reason") == "not_paused":
        return _resumed(reference, status.response)
    again = f"{status.response.get('detail')}. Nothing was changed. Try again in a moment."
    return page("That did not work", again, status=status.http_status, name="button.html", button=_BUTTON, token=token)


def _resumed(reference: str, response: dict[str, Any] | None = None) -> HTMLResponse:
    charge = ((response or {}).get("preview") or {}).get("text")
    texts = [text for text in (charge, "There's nothing else you need to do.") if text]
    return page("Your billing is active again", *texts, reference=reference)
