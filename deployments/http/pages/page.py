"""Rendering of HTML pages, self-contained and with headers that prevent caching and leaking of the URL."""

import re
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import asdict
from email import message_from_bytes
from email.policy import HTTP
from functools import cache
from gettext import NullTranslations
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FunctionLoader
from markupsafe import Markup, escape

from deployments.http.api.json_body import BodyInvalid, media_type_of, read_raw
from deployments.http.pages.embed.frame import frame
from deployments.http.pages.embed.scripts import PAGE, versioned
from deployments.http.pages.looks import looks_of
from email_templates.translations import ENGLISH, Language, translate
from nodes.services import services

_FORM, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


def _source(name: str) -> str:
    return files("deployments.http.pages").joinpath("templates", name).read_text(encoding="utf-8")


_load: Callable[[str], str] = _source


@cache
def _pages(catalogue: NullTranslations) -> Environment:
    pages = Environment(autoescape=True, loader=FunctionLoader(_load), trim_blocks=True, lstrip_blocks=True)
    # Descriptions use Markdown's backticks for code.
    pages.filters["code"] = lambda text: Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704
    return translate(pages, catalogue)


# The URL may contain a token: no cache may keep the page, and no other site may learn the URL or frame the page. Inline
# styles need the response's nonce. In the embed, the sites in EMBED_ORIGINS may frame it, and it has one script.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; style-src 'self' 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
    ),
}


class Button(NamedTuple):
    """The one button of a page: the address that it posts to, and its text."""

    action: str
    text: str


# The customer's link to their contact preferences. Each request is a task, whose context is its own.
_preferences: ContextVar[str | None] = ContextVar("preferences", default=None)


def link_to(preferences: str | None) -> None:
    """Let this request's page link to the customer's contact preferences."""
    _preferences.set(preferences)


def page(
    language: Language,
    title: str,
    *texts: str,
    status: int = 200,
    name: str = "page.html",
    reference: str | None = None,
    retry_after: int | None = None,
    screen: str | None = None,
    outcome: dict[str, Any] | None = None,
    **more: object,
) -> HTMLResponse:
    """Return a page with title and paragraphs; `name` selects another template, `more` is its context.

    Title and paragraphs are in `language`: `page(language, language.gettext("Your feedback"))`. `screen`, `outcome`:
    what the embed tells the site around it. A page without a screen is an error.
    """
    settings = services().settings
    look: dict[str, object] = {"company": settings.company_name, **asdict(looks_of(settings))}
    look["preferences"] = _preferences.get()
    if around := frame():
        told = around.told(language, title, screen, outcome)
        look |= {"frame": around, "frame_script": versioned(PAGE), "frame_data": told}
    shown = render(name, status, language, title=title, texts=texts, reference=reference, **look, **more)
    if retry_after:
        shown.headers["Retry-After"] = str(retry_after)
    return shown


def render(name: str, status: int = 200, language: Language = ENGLISH, **context: object) -> HTMLResponse:
    """Return the page rendered from a template."""
    template, nonce = _pages(language.catalogue).get_template(name), secrets.token_urlsafe(16)
    headers = {each: text.format(nonce=nonce) for each, text in _HEADERS.items()}
    if around := frame():
        headers["Content-Security-Policy"] += f"script-src 'self'; frame-ancestors {' '.join(around.origins)}"
    else:
        headers["Content-Security-Policy"] += "frame-ancestors 'none'"
        headers["X-Frame-Options"] = "DENY"
    return HTMLResponse(template.render(context, language=language, nonce=nonce), status, headers=headers)


def way_to_subscribe(language: Language) -> dict[str, str] | None:
    """Return the button for a new subscription, if its URL is configured."""
    url = services().settings.new_subscription_url
    return {"url": url, "words": language.gettext("Start a new subscription")} if url else None


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; for a repeated field, its last value.

    Raises `BodyInvalid`, `BodyTooLarge` and `BodyTooSlow`.
    """
    media_type = media_type_of(request)
    if media_type not in (_FORM, _MULTIPART):
        raise BodyInvalid
    raw = await read_raw(request)
    try:
        if media_type == _MULTIPART:
            return _parts(raw, request.headers["content-type"])
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=20))
    except (ValueError, RecursionError):
        raise BodyInvalid from None


def _parts(raw: bytes, content_type: str) -> dict[str, str]:
    """Return the fields of a form as mail providers may send one-click unsubscribes (RFC 8058, 3.2)."""
    form = message_from_bytes(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + raw, policy=HTTP)
    found = {}
    for part in list(form.iter_parts())[:20]:
        value = part.get_payload(decode=True)
        if isinstance(value, bytes):
            found[str(part.get_param("name", header="content-disposition"))] = value.decode().rstrip("\r\n")
    return found
