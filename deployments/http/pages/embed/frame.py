"""The frame that the cancel page is shown in: the embed's, on the sites in `EMBED_ORIGINS` and on no other."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from email_templates.translations import Language
from nodes.services import Services


@dataclass
class Frame:
    """The frame of one request. `facts`: what the page tells the site around it, once the session is known."""

    origins: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    # The places of the steps that the company requires before a cancellation; None: no handler can cancel.
    required: tuple[int, ...] | None = None

    def told(self, language: Language, title: str, screen: str | None, outcome: dict[str, Any] | None) -> Any:
        """Return what the page's script passes on: what is shown, and a finished outcome."""
        _ = language.gettext
        labels = {"close": _("Close"), "again": _("Nothing was changed. Try again.")}
        written = {"title": title, "language": language.tag, "direction": language.direction, "labels": labels}
        return {"origins": self.origins, **written, "screen": screen or "error", "outcome": outcome, **self.facts}

    def cancels_at(self, place: int = -1) -> bool:
        """Return whether a handler cancels on this screen: nothing is required after it. `place`: of a step."""
        return self.required is not None and all(each <= place for each in self.required)


_current: ContextVar[Frame | None] = ContextVar("frame", default=None)


def frame() -> Frame | None:
    """Return the frame of the current request; None for a page in a window of its own."""
    return _current.get()


def framed(handler: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    """Let a handler's page be framed if the request has `embed=1` and there are sites that may do so."""

    @wraps(handler)
    async def shown(*, request: Request, available: Services, **arguments: Any) -> Response:
        origins = available.settings.embed_origins
        embedded = bool(origins) and request.query_params.get("embed") == "1"
        token = _current.set(Frame(tuple(sorted(origins))) if embedded else None)
        try:
            return await handler(request=request, available=available, **arguments)
        finally:
            _current.reset(token)

    return shown
