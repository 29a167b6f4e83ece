"""The caller of a request, who waits until a deadline: their response decides what is retried (SPEC, Decided 12)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar

from nodes.requests.records import Response

_caller: ContextVar["WaitingCaller | None"] = ContextVar("caller", default=None)


class WaitingCaller:
    """A caller who waits until a deadline; after it, the API responds that the work continues."""

    def __init__(self) -> None:
        self._answered = asyncio.Event()
        self._turn = asyncio.Lock()
        self._waits = True
        # Kept in memory, because the database may be unavailable by the time the response is needed.
        self.response: Response | None = None

    def answered(self, response: Response | None = None) -> None:
        """Stop waiting: the response was recorded, or the run ended without one."""
        self.response = self.response or response
        self._answered.set()

    async def wait(self, deadline: float) -> None:
        """Wait for the response until `deadline`, on the running loop's clock."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._answered.wait()
        async with self._turn:
            self._waits = False

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[bool]:
        """Yield whether the caller still waits, and keep them waiting until the block has recorded their response."""
        async with self._turn:
            yield self._waits

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Make this the caller of everything that starts inside this block."""
        token = _caller.set(self)
        try:
            yield
        finally:
            _caller.reset(token)


@asynccontextmanager
async def caller_waits() -> AsyncIterator[bool]:
    """Yield whether a waiting caller gets the response that the block records; otherwise they must be emailed."""
    caller = waiting_caller()
    if caller is None:
        yield False
        return
    async with caller.kept() as waits:
        yield waits


def respond_to_caller(response: Response) -> None:
    """Pass the recorded response to the waiting caller, if there is one."""
    if caller := waiting_caller():
        caller.answered(response)


def waiting_caller() -> WaitingCaller | None:
    """Return the caller of this run; None for a run that was resumed or started by hand."""
    return _caller.get()
