"""The web pages: a list, a page per email, both as JSON, and replying. Email contents are never trusted."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qs

import httpx
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from deployments.local.inbox.emails import Email, Mailbox
from deployments.local.inbox.replies import Replies

PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# For an email's HTML: no scripts, no forms, no external resources. Its links open in a new tab.
EMAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'"
)
SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
NEW_TAB = '<base target="_blank">'


def application(mailbox: Mailbox, replies: Replies | None = None) -> Starlette:
    """Return the inbox's web application for this mailbox. `replies`: where a reader's replies go, if anywhere."""
    pages = Pages(mailbox, replies)
    routes = [
        Route("/health", pages.health),
        Route("/", pages.list),
        Route("/messages", pages.list),
        Route("/messages.json", pages.list_json),
        Route("/messages/{id}.json", pages.message_json),
        Route("/messages/{id}.eml", pages.raw),
        Route("/messages/{id}.html", pages.html_part),
        Route("/messages/{id}", pages.message),
        Route("/messages/{id}/reply", pages.reply, methods=["POST"]),
    ]
    return Starlette(routes=routes)


class Pages:
    """The inbox's endpoints."""

    def __init__(self, mailbox: Mailbox, replies: Replies | None) -> None:
        self._mailbox, self._replies = mailbox, replies
        folder = FileSystemLoader(Path(__file__).with_name("templates"))
        self._templates = Environment(loader=folder, autoescape=True, undefined=StrictUndefined)
        self._templates.filters["when"] = when

    async def health(self, _: Request) -> Response:
        """Report that mail is accepted: the page is served only after SMTP is."""
        return JSONResponse({"status": "ok"})

    async def list(self, request: Request) -> Response:
        """Return every email, newest first, or those to one address (`?to=`)."""
        if _wants_json(request):
            return await self.list_json(request)
        to = request.query_params.get("to") or None
        return self._page("list.html", emails=self._mailbox.emails(to), to=to)

    async def list_json(self, request: Request) -> Response:
        """Return the list, as JSON."""
        emails = self._mailbox.emails(request.query_params.get("to") or None)
        return JSONResponse([email.summary() for email in emails], headers=SAFE)

    async def message(self, request: Request) -> Response:
        """Return one email."""
        if _wants_json(request):
            return await self.message_json(request)
        email = self._email(request)
        can_reply = self._replies is not None and bool(email.header("Reply-To"))
        return self._page("message.html", email=email, can_reply=can_reply, sent=request.query_params.get("sent"))

    async def message_json(self, request: Request) -> Response:
        """Return one email, as JSON."""
        return JSONResponse(self._email(request).details(), headers=SAFE)

    async def raw(self, request: Request) -> Response:
        """Return the stored file, as a download."""
        email = self._email(request)
        name = {"Content-Disposition": f'attachment; filename="{email.identifier}.eml"'}
        return Response(email.content, media_type="message/rfc822", headers=SAFE | name)

    async def html_part(self, request: Request) -> Response:
        """Return an email's HTML, for the frame on its page."""
        email = self._email(request)
        if email.html is None:
            raise HTTPException(404, "This email has no HTML part")
        return _html(_links_in_new_tab(email.html), EMAIL_POLICY)

    async def reply(self, request: Request) -> Response:
        """Reply to an email, and return to its page."""
        email, text = self._email(request), parse_qs((await request.body()).decode()).get("text", [""])[0].strip()
        if self._replies is None or not email.header("Reply-To") or not text:
            raise HTTPException(400, "There is nothing to send, or nowhere to send it")
        try:
            status = await self._replies.send(email, text)
        except httpx.HTTPError as error:
            raise HTTPException(502, f"The trigger is not reachable ({type(error).__name__})") from None
        if status != 200:
            raise HTTPException(502, f"The trigger responded {status}")
        return RedirectResponse(f"/messages/{email.identifier}?sent=1", 303)

    def _email(self, request: Request) -> Email:
        email = self._mailbox.email(request.path_params["id"])
        if email is None:
            raise HTTPException(404, "No such email")
        return email

    def _page(self, template: str, **values: object) -> Response:
        return _html(self._templates.get_template(template).render(**values), PAGE_POLICY)


def when(email: Email) -> str:
    """Return the time an email was sent, in UTC; falls back to its arrival time."""
    try:
        sent = parsedate_to_datetime(email.header("Date")).astimezone(email.received.tzinfo)
    except (ValueError, OverflowError):
        sent = email.received
    return sent.strftime("%Y-%m-%d %H:%M:%S UTC")


def _html(content: str, content_policy: str) -> HTMLResponse:
    headers: Mapping[str, str] = SAFE | {"Content-Security-Policy": content_policy}
    return HTMLResponse(content.encode("utf-8", "replace"), headers=headers)


def _links_in_new_tab(html: str) -> str:
    """Make an email's links open in a new tab: inside the sandbox their pages would not work."""
    changed, found = re.subn(r"<head\b[^>]*>", lambda head: head[0] + NEW_TAB, html, count=1, flags=re.IGNORECASE)
    return changed if found else NEW_TAB + html


def _wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted
