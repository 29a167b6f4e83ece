"""Time in tests: what happens a moment later, and what happens at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

Found = TypeVar("Found")

PAUSE_SECONDS = 0.05
# Nothing is timed by this: what comes ends the wait, and a busy machine takes long.
AT_MOST_SECONDS = 120.0


def eventually(look: Callable[[], Found], *, within: float = AT_MOST_SECONDS, every: float = PAUSE_SECONDS) -> Found:
    """What `look` returns once that is true; an AssertionError with its last word after `within` seconds."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} s: the last look gave {found!r}"
        time.sleep(every)
    return found


def at_once(*calls: Callable[[], Found]) -> list[Found]:
    """What each call returns; each has a thread of its own, and none begins before all are there."""
    start = Barrier(len(calls))

    def begin(call: Callable[[], Found]) -> Found:
        start.wait(timeout=AT_MOST_SECONDS)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(begin, calls))
