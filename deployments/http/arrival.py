"""When a request arrived, before anything was done for it: the caller's deadline begins then."""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send


class Arrival:
    """Notes the moment, on the running loop's clock, as `request.state.arrived`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the moment."""
        if scope["type"] == "http":
            scope.setdefault("state", {})["arrived"] = asyncio.get_running_loop().time()
        await self._app(scope, receive, send)
