"""The page behind the email's "Reactivate Subscription" link. A GET changes nothing; its button sends a POST."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from deployments.http.api.carry_out import ANSWER_SECONDS, carried_out
from deployments.http.dependencies import TheBacklog, TheServices
from deployments.http.pages.opened import ended, in_progress, opened, page_of_link
from deployments.http.pages.page import Button, page, read_form
from email_templates.translations import Language
from flows.reactivate_subscription import reactivate_subscription
from nodes.messages.refusals import refusal_text
from nodes.reactivation.intake import receive
from nodes.reactivation.look_up import Preview, preview
from nodes.requests.kind import REACTIVATION
from nodes.requests.status import RequestStatus

router = APIRouter(tags=["pages"], include_in_schema=False)


@router.get("/reactivate")
@page_of_link
async def reactivate(request: Request, available: TheServices, token: str = "") -> HTMLResponse:
    """Show what reactivating will do, and the button that does it: the email's "Reactivate Subscription" link."""
    link = await opened(request, "reactivate", token)
    shown = await preview(link.user_id, link.subscription_id)
    reference, _ = str(link.request_id), link.language.gettext
    if shown.ends_on is None:
        return _active(link.language, shown, reference)
    return page(
        link.language,
        _("Keep your %(plan)s plan?", plan=shown.plan),
        _("Your %(plan)s plan is cancelled and ends on %(date)s.", plan=shown.plan, date=shown.ends_on),
        _(
            "Reactivate to keep it. It will renew on %(date)s on the same terms. We'll send you an email to confirm.",
            date=shown.renews_on,
        ),
        name="button.html",
        button=_button(link.language),
        reference=reference,
        token=token,
    )


@router.post("/reactivate")
@page_of_link
async def press_reactivate(request: Request, available: TheServices, backlog: TheBacklog) -> HTMLResponse:
    """Reactivate, as `POST /reactivate-subscription` does, authenticated by the link."""
    token = (await read_form(request)).get("token", "")
    link = await opened(request, "reactivate", token)
    received = await receive(link.user_id, link.user_id, link.subscription_id, origin="link")
    deadline = request.state.arrived + ANSWER_SECONDS
    request_status = await carried_out(REACTIVATION, reactivate_subscription, received, link.user_id, backlog, deadline)
    if request_status is not None and request_status.http_status == 200:
        shown = await preview(link.user_id, link.subscription_id)
        return _active(link.language, shown, str(link.request_id))
    return _not_active_yet(link.language, request_status, str(received.request_id), token)


def _button(language: Language) -> Button:
    return Button("reactivate", language.gettext("Reactivate Subscription"))


def _active(language: Language, shown: Preview, reference: str) -> HTMLResponse:
    _ = language.gettext
    return page(
        language,
        _("Your %(plan)s plan is active", plan=shown.plan),
        _("It renews on %(date)s. There's nothing else you need to do.", date=shown.renews_on),
        reference=reference,
    )


def _not_active_yet(
    language: Language, request_status: RequestStatus | None, reference: str, token: str
) -> HTMLResponse:
    _ = language.gettext
    if request_status is None or request_status.http_status is None:
        return in_progress(language, _("We're reactivating your plan"), reference)
    if request_status.http_status == 410:
        return ended(language, reference)
    if request_status.http_status == 500:
        title, text = _("That did not work"), _("Nothing was changed. Try again.")
    else:
        title = refusal_text(request_status.response, language)
        text = _("Nothing was changed. Try again in a moment.")
    return page(
        language,
        title,
        text,
        status=request_status.http_status,
        name="button.html",
        button=_button(language),
        reference=reference,
        token=token,
    )
