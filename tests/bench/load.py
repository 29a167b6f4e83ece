"""Load: customers who call one after the other, several concurrently, or all at the same time."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import httpx

from deployments.session_tokens import session_token
from nodes.settings import SessionTokenSettings, load
from tests.bench.sides import Ask

RESPONSE_SECONDS = 30.0
Visit = Literal["open", "show"]


@dataclass(frozen=True)
class Call:
    """What each customer sends. `body`: None for a GET; `names_user`: the body also names them.

    `header`: where the response names the request; None if there is none. `table`: its table. `visit`: of the cancel
    page: open a session, or show the screen of one that is open.
    """

    path: str
    body: dict[str, object] | None
    names_user: bool = False
    header: str | None = None
    table: str = ""
    visit: Visit | None = None

    def sent_by(self, ask: Ask) -> dict[str, object] | None:
        """Return the customer's body."""
        return {**self.body, "user_id": ask.user_id} if self.body is not None and self.names_user else self.body


CANCEL = Call(
    "/cancel-subscription", {"reason": "too_expensive"}, True, "Cancellation-Request-Id", "cancellation_requests"
)
PAUSE = Call("/offers/pause/accept", {"months": 1}, False, "Change-Request-Id", "change_requests")
OFFERS = Call("/offers", None)
OPEN_PAGE = Call("/cancel", None, visit="open")
SHOW_SCREEN = Call("/cancel", None, visit="show")


@dataclass(frozen=True)
class Responses:
    """The responses: seconds for each, statuses, and when the first request was sent (time.time())."""

    seconds: list[float]
    statuses: dict[int, int]
    request_ids: list[str]
    began: float

    def milliseconds(self, percent: int) -> float:
        """Return a percentile."""
        if len(self.seconds) == 1:
            return self.seconds[0] * 1000
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[percent - 1] * 1000


def press(url: str, asks: Sequence[Ask], concurrency: int, call: Call) -> Responses:
    """Send every request, `concurrency` of them at a time, each as soon as an earlier one has its response."""
    return asyncio.run(_press(url, asks, concurrency, call))


async def _ready(client: httpx.AsyncClient, ask: Ask, call: Call) -> tuple[str, dict[str, str]]:
    """Return address and headers of the call. For a screen, the session is opened before the timing."""
    if call.visit is None:
        return call.path, ask.headers
    address = f"{call.path}?token={session_token(load(SessionTokenSettings), ask.user_id)}"
    if call.visit == "open":
        return address, {}
    opened = await client.get(address)
    client.cookies.clear()
    return call.path, {"Cookie": opened.headers["set-cookie"].partition(";")[0]}


async def _press(url: str, asks: Sequence[Ask], concurrency: int, call: Call) -> Responses:
    waiting = iter(asks)
    seconds: list[float] = []
    responses: list[httpx.Response] = []
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    # The connections use plain HTTP, and loading CA certificates would take longer than a response.
    async with httpx.AsyncClient(base_url=url, timeout=RESPONSE_SECONDS, limits=limits, verify=False) as client:
        # Open the connections before the first timing, as a browser would.
        await asyncio.gather(*(client.get("/healthz") for _ in range(concurrency)))

        async def one_by_one() -> None:
            for ask in waiting:
                method, body = "GET" if call.body is None else "POST", call.sent_by(ask)
                path, headers = await _ready(client, ask, call)
                sent = time.perf_counter()
                response = await client.request(method, path, json=body, headers=headers)
                seconds.append(time.perf_counter() - sent)
                responses.append(response)
                client.cookies.clear()  # the next customer has another browser

        began = time.time()
        await asyncio.gather(*(one_by_one() for _ in range(concurrency)))
    statuses = Counter(response.status_code for response in responses)
    named = [response.headers.get(call.header) for response in responses] if call.header else []
    return Responses(seconds, dict(statuses), [each for each in named if each], began)
