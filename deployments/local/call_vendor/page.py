"""The stand-in over HTTP: takes calls, lists them as a page and as JSON, and takes the outcome that is to be played."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from deployments.local.call_vendor.vendor import Call, Vendor

# What a form offers; cancelflow itself checks what it is sent.
CHOICES = {
    "status": ("completed", "voicemail", "no_answer", "busy", "declined", "failed"),
    "warmth": ("", "hot", "warm", "cold", "dead"),
    "reasonClass": ("", "PRICING", "PRODUCT_GAP", "RELIABILITY", "NO_LONGER_NEEDED", "COMPETITOR", "UNUSED"),
}
REQUESTS = ("do_not_call", "did_not_cancel", "human", "upset", "offer_accepted", "reversed")
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
}


def application(vendor: Vendor) -> Starlette:
    """Return the stand-in's web application."""
    pages = Pages(vendor)
    return Starlette(
        routes=[
            Route("/health", pages.health),
            Route("/", pages.list),
            Route("/calls", pages.take, methods=["POST"]),
            Route("/calls.json", pages.list_json),
            Route("/calls/{id}/result", pages.play, methods=["POST"]),
        ]
    )


class Pages:
    """The stand-in's endpoints."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        folder = FileSystemLoader(Path(__file__).with_name("templates"))
        self._templates = Environment(loader=folder, autoescape=True, undefined=StrictUndefined)

    async def health(self, _: Request) -> Response:
        """Report that calls are taken."""
        return JSONResponse({"status": "ok"})

    async def take(self, request: Request) -> Response:
        """Take `calls.execute`, and return the vendor's id."""
        event = json.loads(await request.body())
        call = self._vendor.take(request.headers["webhook-id"], event["data"])
        return JSONResponse({"call_id": call.vendor_id}, 202)

    async def list(self, _: Request) -> Response:
        """Return the page with every call, newest first."""
        template = self._templates.get_template("calls.html")
        page = template.render(calls=self._vendor.calls, choices=CHOICES, requests=REQUESTS)
        return HTMLResponse(page, headers=SAFE)

    async def list_json(self, _: Request) -> Response:
        """Return the list as JSON."""
        return JSONResponse([call.summary() for call in self._vendor.calls], headers=SAFE)

    async def play(self, request: Request) -> Response:
        """Report an outcome: the page's form, or JSON with the members of a result's `data`."""
        as_json = request.headers.get("content-type", "").startswith("application/json")
        body = await request.body()
        outcome = json.loads(body) if as_json else _of_form(body)
        try:
            result = await self._vendor.report(self._call(request), outcome)
        except httpx.HTTPError as error:
            raise HTTPException(502, f"cancelflow could not be reached ({type(error).__name__})") from None
        return JSONResponse(result) if as_json else RedirectResponse("/", 303)

    def _call(self, request: Request) -> Call:
        call = self._vendor.call(request.path_params["id"])
        if call is None:
            raise HTTPException(404, "No such call")
        return call


def _of_form(body: bytes) -> dict[str, Any]:
    """Return the form's outcome, without what was left empty."""
    form = parse_qs(body.decode())
    one: dict[str, Any] = {
        name: form[name][0] for name in ("status", "warmth", "reasonClass", "summary") if name in form
    }
    promises = [line.strip() for line in form.get("actionItems", [""])[0].splitlines() if line.strip()]
    return {**one, "requests": form.get("requests", []), "actionItems": promises}
