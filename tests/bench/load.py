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
class Answers:
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


def press(url: str, asks: Sequence[Ask], concurrently: int) -> Answers:
    """Send every request, `concurrently` of them concurrently, each as soon as an earlier one is answered."""
    return asyncio.run(_press(url, asks, concurrently))


async def _press(url: str, asks: Sequence[Ask], concurrently: int) -> Answers:
    waiting = iter(asks)
    seconds: list[float] = []
    answers: list[httpx.Response] = []
    limits = httpx.Limits(max_connections=concurrently, max_keepalive_connections=concurrently)
    # The connections use plain HTTP, and loading CA certificates would take longer than a response.
    async with httpx.AsyncClient(base_url=url, timeout=RESPONSE_SECONDS, limits=limits, verify=False) as client:
        # Open the connections before the first timing, as a browser would.
        await asyncio.gather(*(client.get("/healthz") for _ in range(concurrently)))

        async def one_by_one() -> None:
            for ask in waiting:
                body: dict[str, Any] = {"user_id": ask.user_id, "reason": "too_expensive"}
                sent = time.perf_counter()
                response = await client.post("/cancel-subscription", json=body, headers=ask.headers)
                seconds.append(time.perf_counter() - sent)
                answers.append(response)

        began = time.time()
        await asyncio.gather(*(one_by_one() for _ in range(concurrently)))
    statuses = Counter(response.status_code for response in answers)
    named = [response.headers.get("Cancellation-Request-Id") for response in answers]
    return Answers(seconds, dict(statuses), [each for each in named if each], began)
