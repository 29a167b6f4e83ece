"""The page behind the email's "Reactivate Subscription" link. A GET changes nothing; its button sends a POST."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from deployments.http.api.carry_out import ANSWER_SECONDS, carried_out
from deployments.http.dependencies import TheBacklog, TheServices
from deployments.http.pages.opened import ended, in_progress, opened, page_of_link
from deployments.http.pages.page import Button, page, read_form
from flows.reactivate_subscription import reactivate_subscription
from nodes.reactivation.intake import receive
from nodes.reactivation.look_up import preview
from nodes.requests.kind import REACTIVATION
from nodes.requests.status import RequestStatus

router = APIRouter(tags=["pages"], include_in_schema=False)

_BUTTON = Button("reactivate", "Reactivate Subscription")


@router.get("/reactivate")
@page_of_link
async def reactivate(available: TheServices, token: str = "") -> HTMLResponse:
    """Show what reactivating will do, and the button that does it: the email's "Reactivate Subscription" link."""
    link = await opened("reactivate", token)
    shown = await preview(link.user_id, link.subscription_id)
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
@page_of_link
async def press_reactivate(request: Request, available: TheServices, backlog: TheBacklog) -> HTMLResponse:
    """Reactivate, as `POST /reactivate-subscription` does, authenticated by the link."""
    token = (await read_form(request)).get("token", "")
    link = await opened("reactivate", token)
    received = await receive(link.user_id, link.user_id, link.subscription_id, origin="link")
    deadline = request.state.arrived + ANSWER_SECONDS
    request_status = await carried_out(REACTIVATION, reactivate_subscription, received, link.user_id, backlog, deadline)
    if request_status is not None and request_status.http_status == 200:
        shown = await preview(link.user_id, link.subscription_id)
        return _active(shown.plan, shown.renews_on, str(link.request_id))
    return _not_active_yet(request_status, str(received.request_id), token)


def _active(plan: str, renews_on: str, reference: str) -> HTMLResponse:
    return page(
        f"Your {plan} plan is active",
        f"It renews on {renews_on}. There's nothing else you need to do.",
        reference=reference,
    )


def _not_active_yet(request_status: RequestStatus | None, reference: str, token: str) -> HTMLResponse:
    if request_status is None or request_status.http_status is None:
        return in_progress("We're reactivating your plan", reference)
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
