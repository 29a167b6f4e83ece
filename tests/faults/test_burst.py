"""Five hundred concurrent requests: each is received and answered, and each is carried out once."""

import statistics
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.faults.crowd import CANCEL, Crowd
from tests.faults.tables import table
from tests.faults.topic import subscribed
from tests.faults.triggers import Trigger, Triggers
from tests.faults.volley import Result, Shot, fire
from tests.world import World

pytestmark = pytest.mark.slow

REQUESTS = 500
FINISH_SECONDS = 900.0
MEGABYTE = 1024  # in the kernel's kB


def test_five_hundred_concurrent_requests_are_all_received_and_completed(world: World, triggers: Triggers) -> None:
    crowd = Crowd(world, REQUESTS)
    with subscribed() as topic, triggers.started() as trigger:
        before = _memory(trigger)

        results = fire([Shot(trigger.url, person, CANCEL) for person in crowd.people])
        done = crowd.until_done(FINISH_SECONDS) + max(each.seconds for each in results)

        _show(results, done, _memory(trigger, peak=True) - before)
        assert {each.status for each in results} <= {200, 202}  # no caller is turned away, even on a slow machine
        assert [each for each in results if not _leads_to_the_outcome(trigger, each)] == []
        assert crowd.wrong(topic) == []


def _leads_to_the_outcome(trigger: Trigger, result: Result) -> bool:
    """Return whether the response is true, or its location leads to a true one."""
    response = result.response
    assert response
    if response.status_code == 200:
        return bool(response.json()["status"] == "pending_cancellation")
    final: httpx.Response = trigger.http.get(response.headers["Location"], headers=result.shot.person.headers)
    same = final.headers["Cancellation-Request-Id"] == response.headers["Cancellation-Request-Id"]
    return same and final.status_code == 200 and bool(final.json()["status"] == "pending_cancellation")


def _show(results: list[Result], done: float, grown: int) -> None:
    seconds = [each.seconds for each in results]
    percentiles = statistics.quantiles(seconds, n=100)
    counts = Counter(each.status for each in results)
    shown = table("burst", "requests", "200", "202", "p50, s", "p95, s", "max, s", "all done, s", "memory, MB")
    shown.add(len(results), counts[200], counts[202], percentiles[49], percentiles[94], max(seconds), done, f"+{grown}")


def _memory(trigger: Trigger, *, peak: bool = False) -> int:
    """Return the process's megabytes of memory, current or peak; 0 if the system does not report it."""
    status = Path(f"/proc/{trigger.pid}/status")
    if not status.exists():
        return 0
    name = "VmHWM:" if peak else "VmRSS:"
    [line] = [line for line in status.read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) // MEGABYTE
