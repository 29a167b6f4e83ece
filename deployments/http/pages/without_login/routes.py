"""`/cancel-without-login`: an email address, then the code sent to it, then the cancel page (FEATURES F21, G03)."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from deployments.http.dependencies import TheServices
from deployments.http.pages.cancel.cookie import browser_in, remember
from deployments.http.pages.cancel.unusable import nothing_to_cancel
from deployments.http.pages.opened import language_for, page_of_link
from deployments.http.pages.page import read_form
from deployments.http.pages.without_login.screens import ADDRESS, choose, enter_address, enter_code, too_often
from nodes.cancel_codes.asking import ask_for_code
from nodes.cancel_codes.choices import Choice, choices_of
from nodes.cancel_codes.trying import ISSUER, try_code
from nodes.errors import EmailRefused
from nodes.refusals.cancellation import NoActiveSubscription
from nodes.refusals.sessions import SessionTokenUsed
from nodes.services import services
from nodes.sessions.claims import SessionClaims
from nodes.sessions.opening import open_session
from nodes.sessions.records import Browser
from nodes.sessions.store import session_of

router = APIRouter(tags=["pages"], include_in_schema=False)


@router.get(f"/{ADDRESS}")
@page_of_link
async def show(request: Request, available: TheServices) -> Response:
    """Ask for the email address, or for the code with this id. Nothing is looked up, so every address looks alike."""
    code_id = _id(request.query_params.get("id", ""))
    if code_id is None:
        return enter_address(language_for(request))
    shown = enter_code(language_for(request), code_id)
    if browser_in(request) is None:  # so that pressing twice opens the session in the same browser
        remember(shown, None, Browser.new())
    return shown


@router.post(f"/{ADDRESS}")
@page_of_link
async def press(request: Request, available: TheServices) -> Response:
    """Record that a code is asked for, or try one."""
    form = await read_form(request)
    code_id = _id(form.get("code_id", ""))
    if code_id is None:
        return await _ask(request, form.get("email", "").strip())
    return await _try(request, code_id, form.get("code", ""), form.get("subscription"))


async def _ask(request: Request, address: str) -> Response:
    try:
        asked = await ask_for_code(address, request.client.host if request.client else None)
    except EmailRefused:
        return enter_address(language_for(request), wrong=True, written=address)
    if asked.wait:
        return too_often(language_for(request), asked.wait)
    return _go_to(f"{ADDRESS}?id={asked.id}")


async def _try(request: Request, code_id: UUID, typed: str, subscription_id: str | None) -> Response:
    wrong = enter_code(language_for(request), code_id, wrong=True)
    opens = await try_code(code_id, typed)
    if opens is None:
        return wrong
    browser = browser_in(request) or Browser.new()
    if opens.session_id:  # the button was pressed twice, or the code is used again somewhere else
        return await _again(opens.session_id, browser) or wrong
    choices = await choices_of(opens.user_ids)
    chosen = [each for each in choices if subscription_id in (None, each.subscription_id)]
    if not chosen:
        return nothing_to_cancel(language_for(request))
    if len(chosen) > 1:
        return choose(language_for(request), code_id, typed, chosen)
    try:
        return await _open(code_id, chosen[0], browser) or await _try(request, code_id, typed, subscription_id)
    except NoActiveSubscription:
        return nothing_to_cancel(language_for(request))


async def _open(code_id: UUID, choice: Choice, browser: Browser) -> Response | None:
    """Open the code's session, which is bound to the subscription (FEATURES U20). None: it has just opened another one.

    Raises `NoActiveSubscription` and `BillingFailed`; the code can be tried again then.
    """
    claims = SessionClaims.model_validate(
        {
            "iss": ISSUER,
            "jti": str(code_id),
            "sub": choice.user_id,
            "subscription_id": choice.subscription_id,
            "mode": "live" if services().settings.live else "test",
        }
    )
    try:
        session_id = await open_session(claims, browser, None)
    except SessionTokenUsed:
        return None
    return _enter(session_id, browser)


async def _again(session_id: UUID, browser: Browser) -> Response | None:
    """Return to the session that the code has opened, if that was in this browser."""
    session = await session_of(session_id)
    return _enter(session.id, browser) if session and session.is_of(browser) else None


def _enter(session_id: UUID, browser: Browser) -> Response:
    response = _go_to("cancel")
    remember(response, session_id, browser)
    return response


def _go_to(address: str) -> Response:
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
