"""`GET /cancel?token=…` opens a session; `GET` and `POST /cancel` are its screens and what the customer does there."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from deployments.http.dependencies import TheBacklog, TheRunner, TheServices, TheSessionTokens
from deployments.http.pages.cancel.actions import act
from deployments.http.pages.cancel.cookie import browser_in, forget, remember, session_in
from deployments.http.pages.cancel.outcomes import outcome_of
from deployments.http.pages.cancel.requests import Page
from deployments.http.pages.cancel.screens import screen
from deployments.http.pages.cancel.unusable import (
    expired,
    kept,
    new_tab,
    no_session,
    not_usable,
    nothing_to_cancel,
    one_moment,
)
from deployments.http.pages.embed.facts import tell_of
from deployments.http.pages.embed.frame import frame, framed
from deployments.http.pages.opened import language_for, page_of_link
from deployments.http.pages.page import link_to, read_form
from deployments.http.session_tokens import SessionTokens
from email_templates.translations import language_of
from nodes.messages.customer_locale import CustomerLocale, customer_locale
from nodes.messages.preferences import preferences_url
from nodes.refusals.cancellation import NoActiveSubscription
from nodes.refusals.sessions import SessionTokenExpired, SessionTokenInvalid, SessionTokenUsed
from nodes.services import services
from nodes.sessions.opening import open_session
from nodes.sessions.records import Browser, Session
from nodes.sessions.screens import screen_of
from nodes.sessions.store import left

router = APIRouter(tags=["pages"], include_in_schema=False)


@router.get("/cancel")
@framed
@page_of_link
async def show(
    request: Request, available: TheServices, tokens: TheSessionTokens, token: str | None = None
) -> Response:
    """Show the session's screen. With a token, open or resume its session first (FEATURES U01 to U05, U21)."""
    if frame() and "forget" in request.query_params:
        return _forgotten(no_session(language_for(request)))
    session = await session_in(request)
    if token is not None:
        return await _opened(request, tokens, token, None if "restart" in request.query_params else session)
    if session is None:
        return no_session(language_for(request))
    return await _shown(request, session)


@router.post("/cancel")
@framed
@page_of_link
async def press(
    request: Request, available: TheServices, tokens: TheSessionTokens, runner: TheRunner, backlog: TheBacklog
) -> Response:
    """Do what the customer pressed, and show the next screen. Repeating it has no second effect."""
    # A browser without partitioned cookies sends the embed's with other sites' forms too.
    own = frame() is None or request.headers.get("sec-fetch-site") == "same-origin"
    session = await session_in(request) if own else None
    if session is None:
        return no_session(language_for(request))
    reads = await _reads(request, session)
    form = await read_form(request)
    if form.get("action") == "leave" and await outcome_of(session, reads) is None:
        await left(session)
        return _forgotten(kept(reads.language))
    return await act(Page(request, session, runner, backlog, reads), form) or _here()


async def _opened(request: Request, tokens: SessionTokens, token: str, current: Session | None) -> Response:
    try:
        claims = await tokens.read(token)
    except SessionTokenExpired:
        return expired(language_for(request))
    except SessionTokenInvalid as invalid:
        return not_usable(invalid, language_for(request))
    if claims.i18n.lang:
        request.state.language = language_of(claims.i18n.lang)
    known = browser_in(request)
    if frame() and known is None:  # the token must still open a session elsewhere, if no cookie can be kept here
        return _ask_for_cookie(request, token)
    browser = known or Browser.new()
    try:
        session_id = await open_session(claims, browser, current)
    except NoActiveSubscription:
        return nothing_to_cancel(language_for(request))
    except SessionTokenUsed as used:
        return not_usable(used, language_for(request))
    response = _here()
    remember(response, session_id, browser)
    return response


def _ask_for_cookie(request: Request, token: str) -> Response:
    """Set a cookie and look whether it comes back, without using the token."""
    language = language_for(request)
    if "asked" in request.query_params:
        return new_tab(language, token)
    response = one_moment(language, f"cancel?{request.url.query}&asked=1")
    remember(response, None, Browser.new())
    return response


def _forgotten(response: Response) -> Response:
    forget(response)
    return response


async def _shown(request: Request, session: Session) -> Response:
    reads = await _reads(request, session)
    if shown := await outcome_of(session, reads):
        return shown
    return await screen(session, await screen_of(session, reads), reads)


async def _reads(request: Request, session: Session) -> CustomerLocale:
    """Return the language that the token names, else the customer's, and the customer's time zone (FEATURES C12)."""
    async with services().database.as_user(session.user_id) as transaction:
        reads = await customer_locale(transaction, session.user_id)
        link_to(await preferences_url(transaction, session.user_id))
    reads = session.claims.i18n.instead_of(reads)
    request.state.language = reads.language
    await tell_of(session)
    return reads


def _here() -> RedirectResponse:
    """Redirect to the page without token or form, so that reloading it repeats nothing. Relative, as are all links."""
    address = "cancel?embed=1" if frame() else "cancel"
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
