"""Where the links in a letter lead. A GET changes nothing; what they will do comes with WF-023's way back."""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from deployments.http.dependencies import TheServices
from nodes.clients.links import Purpose
from nodes.errors import Refusal

router = APIRouter(tags=["pages"], include_in_schema=False)

_PAGE = Environment(autoescape=True).from_string(
    files("deployments.http").joinpath("page.html").read_text(encoding="utf-8")
)

_WORDS: dict[Purpose, tuple[str, str]] = {
    "reactivate": (
        "Reactivating is not possible from this page yet",
        "Your link is valid, and nothing was changed by opening it. To keep your subscription, write to us before it "
        "ends, and give the reference below.",
    ),
    "feedback": (
        "Feedback is not taken on this page yet",
        "Your link is valid, and nothing was sent by opening it. You can answer our letter instead: we read it.",
    ),
}


@router.get("/reactivate")
async def reactivate(services: TheServices, token: str = "") -> HTMLResponse:
    """The letter's "Reactivate Subscription" button."""
    return _page(services, "reactivate", token)


@router.get("/feedback")
async def feedback(services: TheServices, token: str = "") -> HTMLResponse:
    """The letter's feedback link."""
    return _page(services, "feedback", token)


def _page(services: TheServices, purpose: Purpose, token: str) -> HTMLResponse:
    company = services.settings.company_name
    try:
        link = services.links.verify(token, purpose)
    except Refusal as refusal:
        text = "Please open it again from the letter, or write to us. Nothing was changed."
        page = _PAGE.render(title=refusal.text, text=text, reference=None, company=company)
        return HTMLResponse(page, refusal.status, headers=_HEADERS)
    title, text = _WORDS[purpose]
    page = _PAGE.render(title=title, text=text, reference=link.request_id, company=company)
    return HTMLResponse(page, headers=_HEADERS)


# The address holds a token: no cache may keep the page, and no other site may learn the address or frame the page.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
