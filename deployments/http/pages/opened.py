"""What the links in emails lead to, and the pages for links that can't be used."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from deployments.http.api.json_body import BodyInvalid
from deployments.http.body_time_limit import BodyTooSlow
from deployments.http.key_set import IdentityProviderUnavailable
from deployments.http.pages.page import page, way_to_subscribe
from email_templates.languages import browser_locale
from email_templates.translations import Language, language_of
from nodes.clients.links import Purpose
from nodes.errors import BillingFailed, DatabaseUnavailable
from nodes.messages.customer_locale import customer_locale
from nodes.refusals.base import Refusal
from nodes.refusals.links import FeedbackAlreadyGiven, LinkExpired, PreferencesLinkExpired
from nodes.refusals.reactivation import SubscriptionEnded
from nodes.refusals.requests import TooManyAttempts
from nodes.services import Services, services, using


class Opened(NamedTuple):
    """The request that an email's link is about, its user and its subscription, and the language of the page."""

    user_id: str
    request_id: UUID
    subscription_id: str
    language: Language


async def opened(request: Request, purpose: Purpose, token: str) -> Opened:
    """Return the request that a link is about. From now on the page is in its customer's language.

    Raises `LinkInvalid` and `LinkExpired`.
    """
    link = services().links.verify(token, purpose)
    request_id = UUID(link.request_id)
    owner = await services().database.owner_of("change" if purpose == "resume" else "cancellation", request_id)
    if owner is None:  # the request's data was deleted
        raise LinkExpired
    async with services().database.as_user(owner) as transaction:
        reads = await customer_locale(transaction, owner)
    request.state.language = reads.language
    return Opened(owner, request_id, link.subscription_id, reads.language)


def language_for(request: Request) -> Language:
    """Return the language of the customer, or of the browser before the customer is known (see `opened`)."""
    known: Language | None = getattr(request.state, "language", None)
    return known or language_of(browser_locale(request.headers.get("accept-language")))


def page_of_link(handler: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    """Let a handler use its parameter `available`, and show a page for what it refuses or can't read."""

    @wraps(handler)
    async def shown(*, request: Request, available: Services, **arguments: Any) -> Response:
        with using(available):
            try:
                return await handler(request=request, available=available, **arguments)
            except (Refusal, DatabaseUnavailable, BillingFailed, IdentityProviderUnavailable) as error:
                return sorry(error, language_for(request), pressed=request.method == "POST")

    return shown


def in_progress(language: Language, title: str, reference: str) -> HTMLResponse:
    """Return the page for a request that isn't done when the caller's time is over."""
    _ = language.gettext
    wait = _("This is taking a little longer than usual.")
    done = _("You don't need to press the button again: we'll email you when it's done.")
    return page(language, title, wait, done, status=202, reference=reference)


def ended(language: Language, reference: str | None = None) -> HTMLResponse:
    """Return the page for a subscription that has ended."""
    _ = language.gettext
    return page(
        language,
        _("Your subscription has ended"),
        _("The period you paid for is over, so it can't be reactivated. You can start a new subscription."),
        status=410,
        reference=reference,
        link=way_to_subscribe(language),
    )


def sorry(
    error: Refusal | DatabaseUnavailable | BillingFailed | IdentityProviderUnavailable,
    language: Language,
    *,
    pressed: bool = False,
) -> HTMLResponse:
    """Return the page for a link that can't be used. `pressed`: a button was, so something may be recorded."""
    _ = language.gettext
    match error:
        case DatabaseUnavailable() if pressed:
            text = _("We may not have received this. Open the page again in a moment to see.")
            return page(language, _("Try again in a moment"), text, status=503)
        case DatabaseUnavailable() | BillingFailed() | IdentityProviderUnavailable():
            title, text = _("Try again in a moment"), _("We can't open this page right now. Nothing was changed.")
            return page(language, title, text, status=503)
        case TooManyAttempts(retry_after=seconds):
            text = _("You've pressed the button many times in a short while. Nothing was changed.")
            return page(language, _("Try again in a minute"), text, status=429, retry_after=seconds)
        case FeedbackAlreadyGiven():
            text = _("You've already sent it. You can only send it once.")
            return page(language, _("Thank you, we have your feedback"), text)
        case SubscriptionEnded():
            return ended(language)
        case LinkExpired():
            text = _("It worked until the date in the email. If your plan has ended, you can start a new subscription.")
            title = language.translated(error.text)
            return page(language, title, text, status=410, link=way_to_subscribe(language))
        case PreferencesLinkExpired():
            text = _("Open the link in a newer email from us, or contact us. Nothing was changed.")
            return page(language, language.translated(error.text), text, status=error.status)
        case BodyTooSlow():
            text = _("Your connection may be slow. Nothing was changed. Try sending it again.")
            return page(language, _("Your page did not reach us in time"), text, status=error.status)
        case BodyInvalid():
            text = _("Open the link in the email again.")
            return page(language, _("This page was not sent as a form"), text, status=400)
    text = _("Open the link in the email again, or contact us. Nothing was changed.")
    return page(language, language.translated(error.text), text, status=error.status)
