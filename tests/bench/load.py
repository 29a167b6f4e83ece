"""Load: customers who cancel one after the other, several concurrently, or all at the same time."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.bench.sides import Ask

RESPONSE_SECONDS = 30.0


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


def press(url: str, asks: Sequence[Ask], concurrency: int) -> Responses:
    """Send every request, `concurrency` of them at a time, each as soon as an earlier one has its response."""
    return asyncio.run(_press(url, asks, concurrency))


async def _press(url: str, asks: Sequence[Ask], concurrency: int) -> Responses:
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
                body: dict[str, Any] = {"user_id": ask.user_id, "reason": "too_expensive"}
                sent = time.perf_counter()
                response = await client.post("/cancel-subscription", json=body, headers=ask.headers)
                seconds.append(time.perf_counter() - sent)
                responses.append(response)

        began = time.time()
        await asyncio.gather(*(one_by_one() for _ in range(concurrency)))
    statuses = Counter(response.status_code for response in responses)
    named = [response.headers.get("Cancellation-Request-Id") for response in responses]
    return Responses(seconds, dict(statuses), [each for each in named if each], began)
