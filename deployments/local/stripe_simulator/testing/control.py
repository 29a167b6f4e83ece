"""The control API for tests, under /_simulator/."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ..account import Account
from ..keys import PermissionsInvalid, restrict
from ..subscription import lifecycle
from ..webhooks import Courier
from ..wire import ApiError, Document
from .faults import FaultInvalid, Faults
from .guide import GUIDE
from .orders import ORDERS, OrderInvalid, carry_out, settings

Handler = Callable[[Request], Awaitable[JSONResponse]]


class Control:
    """The control API over one account, its faults and its courier."""

    def __init__(self, account: Account, faults: Faults, courier: Courier) -> None:
        self.account, self.faults, self.courier = account, faults, courier

    def application(self) -> Starlette:
        """Return the ASGI application for everything under /_simulator/."""
        routes = [
            Route("/_simulator/", self.guide),
            Route("/_simulator/health", self.health),
            Route("/_simulator/clock", self.clock, methods=["GET", "POST"]),
            Route("/_simulator/requests", self.requests, methods=["GET", "DELETE"]),
            Route("/_simulator/faults", self.order_faults, methods=["GET", "POST", "DELETE"]),
            Route("/_simulator/webhooks", self.webhooks, methods=["GET", "POST", "DELETE"]),
            Route("/_simulator/webhooks/redeliver", self.redeliver, methods=["POST"]),
            Route("/_simulator/webhooks/rotate", self.rotate, methods=["POST"]),
            Route("/_simulator/webhooks/signed", self.signed, methods=["POST"]),
            Route("/_simulator/settings", self.settings),
            Route("/_simulator/keys", self.keys, methods=["POST"]),
            Route("/_simulator/{order}", self.order, methods=["POST"]),
        ]
        return Starlette(
            routes=routes,
            exception_handlers=dict.fromkeys((OrderInvalid, FaultInvalid, PermissionsInvalid, ApiError), _refused),
        )

    async def guide(self, _request: Request) -> JSONResponse:
        """GET /_simulator/."""
        return JSONResponse(GUIDE)

    async def health(self, _request: Request) -> JSONResponse:
        """GET /_simulator/health."""
        return JSONResponse({"status": "ok"})

    async def clock(self, request: Request) -> JSONResponse:
        """Read or move the global clock, and apply everything that becomes due before responding."""
        if request.method == "POST":
            offset = self._new_offset(await _body(request))
            with self.account.store.transaction():
                self.account.set_offset(offset)
                lifecycle.settle(self.account)
            self.courier.wake()
        return JSONResponse({"now": self.account.now(), "offset": self.account.offset()})

    def _new_offset(self, given: Document) -> int:
        match given:
            case {"reset": True}:
                return 0
            case {"advance": int(seconds)}:
                return self.account.offset() + seconds
            case {"now": int(moment)}:
                return moment - int(time.time())
        raise OrderInvalid('send {"now": unix}, {"advance": seconds} or {"reset": true}')

    async def requests(self, request: Request) -> JSONResponse:
        """Read or delete the record of calls to /v1."""
        connection = self.account.store.connection
        if request.method == "DELETE":
            connection.execute("DELETE FROM requests")
            return JSONResponse({"requests": []})
        asked = request.query_params
        if not asked.get("since", "0").isdigit():
            raise OrderInvalid("since is a sequence number")
        rows = connection.execute(
            "SELECT * FROM requests WHERE sequence > ? AND (? = '' OR method = ?) AND substr(path, 1, ?) = ?"
            " AND instr(path || ' ' || params, ?) ORDER BY sequence",
            (
                int(asked.get("since", "0")),
                asked.get("method", ""),
                asked.get("method", ""),
                len(asked.get("path", "")),
                asked.get("path", ""),
                asked.get("contains", ""),
            ),
        )
        shown = [dict(row) | {"params": json.loads(row["params"]), "replayed": bool(row["replayed"])} for row in rows]
        return JSONResponse({"requests": shown})

    async def order_faults(self, request: Request) -> JSONResponse:
        """Add, list or remove faults."""
        if request.method == "POST":
            fault = self.faults.order(await _body(request))
            return JSONResponse(self.faults.shown()[-1] | {"id": fault.id}, 201)
        if request.method == "DELETE":
            self.faults.clear(request.query_params.get("id"))
        return JSONResponse({"faults": self.faults.shown()})

    async def webhooks(self, request: Request) -> JSONResponse:
        """Read or delete the delivery log; pause or resume deliveries."""
        if request.method == "POST":
            self.courier.paused = bool((await _body(request)).get("paused"))
            self.courier.wake()
        if request.method == "DELETE":
            self.courier.clear()
        return JSONResponse({"deliveries": self.courier.log(), "paused": self.courier.paused})

    async def redeliver(self, request: Request) -> JSONResponse:
        """Send an event once more."""
        queued = self.courier.redeliver(str((await _body(request)).get("event")))
        return JSONResponse({"queued": queued})

    async def signed(self, request: Request) -> JSONResponse:
        """Return an event's request for a test to send itself: late, twice, out of order, or modified."""
        given = await _body(request)
        secret, timestamp = given.get("secret"), given.get("timestamp", int(time.time()))
        secrets: list[Any] = secret if isinstance(secret, list) else [secret]
        if not all(isinstance(one, str) for one in secrets) or not isinstance(timestamp, int):
            raise OrderInvalid("secret is a string or a list of them, timestamp unix seconds")
        headers, body = self.courier.signed(self.account.find("event", str(given.get("event"))), secrets, timestamp)
        return JSONResponse({"headers": headers, "body": body.decode()})

    async def settings(self, _request: Request) -> JSONResponse:
        """Read the account's settings."""
        return JSONResponse(settings(self.account, {}))

    async def keys(self, request: Request) -> JSONResponse:
        """Set the permissions of a restricted key."""
        restrict(self.account, await _body(request))
        return JSONResponse({"status": "ok"})

    async def order(self, request: Request) -> JSONResponse:
        """Carry out a change that does not come from a call to the API."""
        order = ORDERS.get(request.path_params["order"])
        if order is None:
            return JSONResponse({"error": "no such order"}, 404)
        given = await _body(request)
        with self.account.store.transaction():
            done = carry_out(self.account, order, given)
        self.courier.wake()
        return JSONResponse(done)

    async def rotate(self, request: Request) -> JSONResponse:
        """Give an endpoint a second secret, or end the rotation."""
        given = await _body(request)
        secrets = self.courier.rotate(str(given.get("endpoint")), finish=bool(given.get("finish")))
        if not secrets:
            raise OrderInvalid("no such endpoint")
        return JSONResponse({"secrets": secrets})


async def _body(request: Request) -> Document:
    try:
        given: Any = await request.json()
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise OrderInvalid("send a JSON object")
    return given


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 400)
