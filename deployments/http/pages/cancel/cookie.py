"""The cookie that ties a session to the browser that opened it."""

from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from nodes.services import services
from nodes.sessions.records import Browser, Session
from nodes.sessions.store import session_of

NAME = "cancelflow_session"
# A late return resumes the session (FEATURES U24); after that, the company's link opens a new one.
LASTS_SECONDS = 24 * 3600


async def session_in(request: Request) -> Session | None:
    """Return the session of the request's browser, or None."""
    session_id, _, secret = request.cookies.get(NAME, "").partition(".")
    try:
        session = await session_of(UUID(session_id))
    except ValueError:
        return None
    return session if session and session.is_of(Browser(secret)) else None


def browser_in(request: Request) -> Browser:
    """Return the browser that the cookie names, or one with a new secret."""
    _, _, secret = request.cookies.get(NAME, "").partition(".")
    return Browser(secret) if len(secret) >= 43 else Browser.new()  # 32 bytes


def remember(response: Response, session_id: UUID, browser: Browser) -> None:
    """Set the cookie. Scripts can't read it, and no other site's form sends it."""
    response.set_cookie(
        NAME,
        f"{session_id}.{browser.secret}",
        max_age=LASTS_SECONDS,
        httponly=True,
        samesite="lax",
        secure=services().settings.public_url.startswith("https:"),
    )


def forget(response: Response) -> None:
    """Delete the cookie (FEATURES C34)."""
    response.delete_cookie(NAME)
