"""Which pages may call from a browser: those of EMBED_ORIGINS, and our own."""

from collections.abc import Collection
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.http.dependencies import TheServices
from nodes.refusals.base import Refusal

PREFIX = "/sdk/v1"
_HEADERS = ("x-ck-app", "x-ck-customer", "x-ck-authorization", "x-ck-mode", "x-ck-subscription")
# How long browsers may remember a preflight's response.
PREFLIGHT_SECONDS = 600


class OriginNotAllowed(Refusal):
    """A call from a page whose origin isn't in EMBED_ORIGINS; nothing was read or changed."""

    status = 403
    detail = "This origin may not call cancelflow. Add it to EMBED_ORIGINS"


class AllowedOrigins:
    """An ASGI middleware that answers preflights and sends CORS headers, only here and only to these origins."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = origins
        self._shared = CORSMiddleware(
            app,
            allow_origins=sorted(origins),
            allow_methods=["POST"],
            allow_headers=["Content-Type", *_HEADERS],
            max_age=PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with CORS headers for a known origin."""
        here = scope["type"] == "http" and scope["path"].startswith(f"{PREFIX}/")
        known = here and Headers(scope=scope).get("origin") in self._origins
        await (self._shared if known else self._app)(scope, receive, send)


async def refuse_foreign_origin(request: Request, available: TheServices) -> None:
    """Raise `OriginNotAllowed` for a page of another origin; a call without one comes from no browser's page."""
    settings, origin = available.settings, request.headers.get("origin")
    public = urlsplit(settings.public_url)
    if origin is not None and origin not in settings.embed_origins | {f"{public.scheme}://{public.netloc}"}:
        raise OriginNotAllowed
