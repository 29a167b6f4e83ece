"""The ASGI application: reads calls, applies faults, and writes or withholds responses."""

import asyncio
import contextlib
import logging
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from . import keys
from .account import Account
from .api import Api, Call, Reply
from .subscription.lifecycle import settle
from .testing.control import Control
from .testing.faults import Fault, Faults
from .webhooks import Courier
from .wire import API_VERSION


class Application:
    """One simulator. Setting `closing` ends held and delayed calls, so that a signal takes effect immediately."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.api = Api(account)
        self.faults = Faults()
        self.courier = Courier(account)
        self.control = Control(account, self.faults, self.courier).application()
        self.closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["path"].startswith("/_simulator"):
            await self.control(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        courier = asyncio.create_task(self.courier.run(self._pass_time))
        courier.add_done_callback(_tell_failure)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        courier.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await courier
        await self.courier.close()
        self.account.store.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _pass_time(self) -> None:
        """End periods and emit events that are due, even without calls."""
        if self.account.store.next_due("", self.account.now()):
            with self.account.store.transaction():
                settle(self.account)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = await _read(self.account, scope, receive)
        fault = self.faults.meet(call)
        reply = self.api.refuse_in_flight(call) or await self._answer(call, fault)
        self.courier.wake()
        if fault and reply.status == 0:
            await (self._hold(receive, send) if _holds(fault) else _hang_up(receive, send))
            return
        headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
        headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _answer(self, call: Call, fault: Fault | None) -> Reply:
        """Return the response to send; status 0 means none."""
        match fault and fault.kind:
            case "refuse" | "timeout":
                return self.api.settled(call, None)
            case "status" if fault:
                return self.api.settled(call, fault.reply(), stored=fault.stored)
            case "lie":
                return self.api.lie(call)
            case "delay" if fault:
                await self._delay(call, fault.seconds)
            case "lost_answer" if fault:
                done = self.api.answer(call)
                return fault.reply_instead(done)
        return self.api.answer(call)

    async def _delay(self, call: Call, seconds: float) -> None:
        if call.key:
            self.api.in_flight.add(call.key)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), seconds)
        finally:
            self.api.in_flight.discard(call.key or "")

    async def _hold(self, receive: Receive, send: Send) -> None:
        """Hold the connection without a response until the client disconnects or the simulator ends."""
        gone = asyncio.create_task(_gone(receive))
        closing = asyncio.create_task(self.closing.wait())
        await asyncio.wait((gone, closing), return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if not gone.done():
            gone.cancel()
            await _hang_up(receive, send)


def _tell_failure(task: asyncio.Task[None]) -> None:
    """Log the failure of the courier, without which the simulator would silently stop sending events."""
    if not task.cancelled() and (error := task.exception()):
        logging.getLogger("uvicorn.error").error("webhook delivery and time-based changes have stopped", exc_info=error)


def _holds(fault: Fault) -> bool:
    return fault.kind == "timeout" or fault.after == "timeout"


async def _read(account: Account, scope: Scope, receive: Receive) -> Call:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    query = scope["query_string"].decode()
    pairs = [
        *parse_qsl(query, keep_blank_values=True),
        *parse_qsl(body.decode(errors="replace"), keep_blank_values=True),
    ]
    expand = [value for name, value in pairs if name.startswith("expand")]
    return Call(
        method=scope["method"],
        path=scope["path"],
        pairs=pairs,
        idempotency_key=headers.get(b"idempotency-key"),
        refusal=keys.refusal(account, headers.get(b"authorization"), scope["method"], scope["path"], expand),
        version=headers.get(b"stripe-version", API_VERSION),
    )


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _hang_up(receive: Receive, send: Send) -> None:
    """Close the connection without a response. ASGI cannot do this, so it uses uvicorn, whose method `send` is."""
    send.__self__.transport.abort()  # type: ignore[attr-defined]
    await _gone(receive)
