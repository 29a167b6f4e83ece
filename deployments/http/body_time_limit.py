"""The time limit for request bodies: a connection that stalls in the middle of one gets a 408 and is closed."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nodes.refusals.base import Refusal

# Bodies are at most 64 KiB, and Stripe's events are smaller; a phone on a bad connection sends them in a second or two.
BODY_SECONDS = 10.0


class BodyTooSlow(Refusal):
    """The body was not complete in time; nothing was changed."""

    status = 408
    detail = "The body did not arrive in time. Nothing was changed: send the request again"


class BodyTimeLimit:
    """An ASGI middleware that raises `BodyTooSlow` if a body is incomplete `BODY_SECONDS` after the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a time limit on its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        complete = False

        async def receive_in_time() -> Message:
            nonlocal complete
            if complete:  # only the disconnect follows, which has no time limit
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise BodyTooSlow from None
            complete = not message.get("more_body", False)
            return message

        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == BodyTooSlow.status:
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive_in_time, send_and_close)
