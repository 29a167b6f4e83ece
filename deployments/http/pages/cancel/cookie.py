"""The cookie that ties a session to the browser that opened it."""

from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from deployments.http.pages.embed.frame import frame
from nodes.services import services
from nodes.sessions.records import Browser, Session
from nodes.sessions.store import session_of

# One of its own for the embed: a browser without partitioned cookies would mix it up with that of a window.
NAME, EMBEDDED = "cancelflow_session", "cancelflow_embed"
# A late return resumes the session (FEATURES U24); after that, the company's link opens a new one.
LASTS_SECONDS = 24 * 3600


async def session_in(request: Request) -> Session | None:
    """Return the session of the request's browser, or None."""
    session_id, _, secret = _cookie(request).partition(".")
    try:
        session = await session_of(UUID(session_id))
    except ValueError:
        return None
    return session if session and session.is_of(Browser(secret)) else None


def browser_in(request: Request) -> Browser | None:
    """Return the browser that the cookie names, or None."""
    _, _, secret = _cookie(request).partition(".")
    return Browser(secret) if len(secret) >= 43 else None  # 32 bytes


def remember(response: Response, session_id: UUID | None, browser: Browser) -> None:
    """Set the cookie. Scripts can't read it, and no other site's form sends it. No session: only the browser."""
    _set(response, f"{session_id or ''}.{browser.secret}", LASTS_SECONDS)


def forget(response: Response) -> None:
    """Delete the cookie (FEATURES C34)."""
    _set(response, "", 0)


def _cookie(request: Request) -> str:
    return request.cookies.get(_name(), "")


def _name() -> str:
    return EMBEDDED if frame() else NAME


def _set(response: Response, value: str, seconds: int) -> None:
    """Set the cookie: in a frame for the site around it alone (CHIPS), as far as browsers let a cookie be secure."""
    url = urlsplit(services().settings.public_url)
    if frame() and (url.scheme == "https" or url.hostname in ("localhost", "127.0.0.1")):
        attributes = "SameSite=None; Secure; Partitioned"
    else:
        attributes = "SameSite=Lax; Secure" if url.scheme == "https" else "SameSite=Lax"
    # Starlette sets `Partitioned` on Python 3.14 only.
    cookie = f"{_name()}={value}; Path=/; Max-Age={seconds}; HttpOnly; {attributes}"
    response.headers.append("Set-Cookie", cookie)
