"""What the links in emails lead to, and the pages for links that can't be used."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, NamedTuple
from uuid import UUID

from fastapi.responses import HTMLResponse

from deployments.http.api.json_body import BodyInvalid
from deployments.http.body_time_limit import BodyTooSlow
from deployments.http.pages.page import page, way_to_subscribe
from nodes.clients.links import Purpose
from nodes.errors import BillingFailed, DatabaseUnavailable
from nodes.refusals import FeedbackAlreadyGiven, LinkExpired, Refusal, SubscriptionEnded, TooManyAttempts
from nodes.services import Services, services, using


class Opened(NamedTuple):
    """The request that an email's link is about, its user and its subscription."""

    user_id: str
    request_id: UUID
    subscription_id: str


async def opened(purpose: Purpose, token: str) -> Opened:
    """Return the request that a link is about. Raises `LinkInvalid` and `LinkExpired`."""
    link = services().links.verify(token, purpose)
    request_id = UUID(link.request_id)
    owner = await services().database.owner_of("change" if purpose == "resume" else "cancellation", request_id)
    if owner is None:  # the request's data was deleted
        raise LinkExpired
    return Opened(owner, request_id, link.subscription_id)


def page_of_link(handler: Callable[..., Awaitable[HTMLResponse]]) -> Callable[..., Awaitable[HTMLResponse]]:
    """Let a handler use its parameter `available`, and show a page for what it refuses or can't read."""

    @wraps(handler)
    async def shown(*, available: Services, **arguments: Any) -> HTMLResponse:
        with using(available):
            try:
                return await handler(available=available, **arguments)
            except (Refusal, DatabaseUnavailable, BillingFailed) as error:
                return sorry(error)

    return shown


def in_progress(title: str, reference: str) -> HTMLResponse:
    """Return the page for a request that isn't done when the caller's time is over."""
    wait = "This is taking a little longer than usual."
    done = "You don't need to press the button again: we'll email you when it's done."
    return page(title, wait, done, status=202, reference=reference)


def ended(reference: str | None = None) -> HTMLResponse:
    """Return the page for a subscription that has ended."""
    return page(
        "Your subscription has ended",
        "The period you paid for is over, so it can't be reactivated. You can start a new subscription.",
        status=410,
        reference=reference,
        link=way_to_subscribe(),
    )


def sorry(error: Refusal | DatabaseUnavailable | BillingFailed) -> HTMLResponse:
    """Return the page for a link that can't be used."""
    match error:
        case DatabaseUnavailable() | BillingFailed():
            return page("Try again in a moment", "We can't open this page right now. Nothing was changed.", status=503)
        case TooManyAttempts(retry_after=seconds):
            text = "You've pressed the button many times in a short while. Nothing was changed."
            return page("Try again in a minute", text, status=429, retry_after=seconds)
        case FeedbackAlreadyGiven():
            return page("Thank you, we have your feedback", "You've already sent it. You can only send it once.")
        case SubscriptionEnded():
            return ended()
        case LinkExpired():
            text = "It worked until the date in the email. If your plan has ended, you can start a new subscription."
            return page(error.text, text, status=410, link=way_to_subscribe())
        case BodyTooSlow():
            text = "Your connection may be slow. Nothing was changed. Try sending it again."
            return page("Your page did not reach us in time", text, status=error.status)
        case BodyInvalid():
            return page("This page was not sent as a form", "Open the link in the email again.", status=400)
    return page(
        error.text, "Open the link in the email again, or contact us. Nothing was changed.", status=error.status
    )
