"""Wait for what happens a moment later, and no longer than it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PAUSE_SECONDS = 0.05


def eventually(look: Callable[[], Found], *, within: float = 10.0) -> Found:
    """What `look` returns once that is true; an AssertionError with its last word after `within` seconds."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} s: the last look gave {found!r}"
        time.sleep(PAUSE_SECONDS)
    return found
