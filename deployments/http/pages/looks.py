"""The company's logo, colour and stylesheet on customers' pages, all from the trigger itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from nodes.settings import CancelPageSettings

# The files are read once and served under these names, relative to the page.
LOGO, STYLESHEET = "cancel/logo", "cancel/style.css"
_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}
_HEADERS = {
    "Cache-Control": "public, max-age=3600",
    "X-Content-Type-Options": "nosniff",
    # An SVG that is opened by itself is a document.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}


@dataclass(frozen=True)
class Looks:
    """What a page's template needs: addresses where there is a file, and a colour with what is readable on it."""

    logo: str | None = None
    stylesheet: str | None = None
    brand: str | None = None
    on_brand: str | None = None


def looks_of(settings: CancelPageSettings) -> Looks:
    """Return the looks in the settings."""
    color = settings.page_color
    return Looks(
        LOGO if settings.page_logo else None,
        STYLESHEET if settings.page_stylesheet else None,
        color,
        _readable_on(color) if color else None,
    )


def looks_router(settings: CancelPageSettings) -> APIRouter:
    """Return the router that serves the files, each only if there is one."""
    router = APIRouter(tags=["pages"], include_in_schema=False)
    files = {LOGO: settings.page_logo, STYLESHEET: settings.page_stylesheet}
    for address, file in files.items():
        if file:
            router.add_api_route(f"/{address}", _served(file))
    return router


def _served(file: Path) -> Callable[[], Awaitable[Response]]:
    content, media_type = file.read_bytes(), _TYPES.get(file.suffix, "text/css")

    async def served() -> Response:
        return Response(content, media_type=media_type, headers=_HEADERS)

    return served


def _readable_on(color: str) -> str:
    """Return black or white, whichever has the higher contrast (WCAG 2.2, relative luminance)."""
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"
