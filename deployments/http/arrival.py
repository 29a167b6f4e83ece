"""Middleware that records each request's arrival time, from which the caller's deadline counts."""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send


class Arrival:
    """An ASGI middleware that sets `request.state.arrived`, on the running loop's clock."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its arrival time."""
        if scope["type"] == "http":
            scope.setdefault("state", {})["arrived"] = asyncio.get_running_loop().time()
        await self._app(scope, receive, send)
