"""Waiting for a condition, and starting calls concurrently."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

Found = TypeVar("Found")

PAUSE_SECONDS = 0.05
# Not a measurement: a wait ends as soon as its condition holds, and a busy machine may need long.
AT_MOST_SECONDS = 120.0


def eventually(look: Callable[[], Found], *, within: float = AT_MOST_SECONDS, every: float = PAUSE_SECONDS) -> Found:
    """Return the first true result of `look`; raises AssertionError with its last result after `within` seconds."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} s: the last look gave {found!r}"
        time.sleep(every)
    return found


def concurrently(*calls: Callable[[], Found]) -> list[Found]:
    """Return the result of each call; each has its own thread, and all start at the same time."""
    start = Barrier(len(calls))

    def begin(call: Callable[[], Found]) -> Found:
        start.wait(timeout=AT_MOST_SECONDS)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(begin, calls))
