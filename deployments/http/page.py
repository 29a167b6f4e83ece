"""How a page that a letter leads to is sent: whole in itself, kept nowhere, and telling nobody its address."""

from collections.abc import Callable
from importlib.resources import files
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FunctionLoader

from deployments.http.json_body import BodyInvalid, media_type_of, read_raw
from nodes.services import services

_FORM = "application/x-www-form-urlencoded"


def _source(name: str) -> str:
    return files("deployments.http").joinpath("templates", name).read_text(encoding="utf-8")


_load: Callable[[str], str] = _source
_PAGES = Environment(autoescape=True, loader=FunctionLoader(_load), trim_blocks=True, lstrip_blocks=True)

# The address holds a token: no cache may keep the page, and no other site may learn the address or frame the page.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}


def page(
    title: str, *texts: str, status: int = 200, name: str = "page.html", reference: str | None = None, **more: object
) -> HTMLResponse:
    """A page with a title and some paragraphs; `name` is one with a form, and `more` what that asks for."""
    company = services().settings.company_name
    html = _PAGES.get_template(name).render(title=title, texts=texts, reference=reference, company=company, **more)
    return HTMLResponse(html, status, headers=_HEADERS)


def way_to_subscribe() -> dict[str, str] | None:
    """The button that leads to a new subscription, where there is an address."""
    url = services().settings.new_subscription_url
    return {"url": url, "words": "Start a new subscription"} if url else None


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; of a field that is there twice, the last.

    Raises `BodyInvalid`, `BodyTooLarge` and `BodyTooSlow`.
    """
    if media_type_of(request) != _FORM:
        raise BodyInvalid
    try:
        return dict(parse_qsl((await read_raw(request)).decode(), keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise BodyInvalid from None
