"""The embed's two scripts: `/embed.js` for the company's pages, and the one inside of the frame."""

import hashlib
from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import Response

from nodes.settings import CancelPageSettings

EMBED, PAGE = "embed.js", "cancel/page.js"
_HOUR, _YEAR = 3600, 365 * 24 * 3600


def scripts_router(settings: CancelPageSettings) -> APIRouter:
    """Return the router that serves the scripts; an empty one if no site may embed the page."""
    router = APIRouter(tags=["pages"], include_in_schema=False)
    if settings.embed_origins:
        for address, content in CONTENTS.items():
            router.add_api_route(f"/{address}", _served(content))
    return router


def versioned(address: str) -> str:
    """Return a script's address with its version, under which browsers keep it for a year."""
    return f"{address}?v={_version(CONTENTS[address])}"


def _served(content: bytes) -> Callable[[Request], Awaitable[Response]]:
    version = _version(content)

    async def served(request: Request) -> Response:
        named = request.query_params.get("v") == version
        headers = {
            "Cache-Control": f"public, max-age={_YEAR}, immutable" if named else f"public, max-age={_HOUR}",
            "ETag": f'"{version}"',
            "X-Content-Type-Options": "nosniff",
            # For pages that check the script's hash, or that isolate themselves.
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if request.headers.get("if-none-match") == f'"{version}"':
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="text/javascript", headers=headers)

    return served


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _read(name: str) -> bytes:
    return files("deployments.http.pages.embed").joinpath(name).read_bytes()


CONTENTS = {EMBED: _read("embed.js"), PAGE: _read("page.js")}
