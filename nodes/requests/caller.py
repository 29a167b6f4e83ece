"""The caller of a request, as long as they wait: what they were told decides who goes on (SPEC, Decided 12)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar

from nodes.requests.records import Response

_caller: ContextVar["WaitingCaller | None"] = ContextVar("caller", default=None)


class WaitingCaller:
    """Someone who waits until a deadline, and is told after it that the work goes on."""

    def __init__(self) -> None:
        self._answered = asyncio.Event()
        self._turn = asyncio.Lock()
        self._waits = True
        # As it was recorded, so that nobody has to read it back: the database may be away by then.
        self.response: Response | None = None

    def answered(self, response: Response | None = None) -> None:
        """The answer is in the record, or the run ended without one: they need not wait any longer."""
        self.response = self.response or response
        self._answered.set()

    async def wait(self, deadline: float) -> None:
        """Wait for the answer until `deadline`, on the running loop's clock; after it nobody waits."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._answered.wait()
        async with self._turn:
            self._waits = False

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[bool]:
        """Whether they wait, and they go on waiting until the block ends: what it records is what they will be told."""
        async with self._turn:
            yield self._waits

    @contextmanager
    def calling(self) -> Iterator[None]:
        """What starts inside this block works for this caller."""
        token = _caller.set(self)
        try:
            yield
        finally:
            _caller.reset(token)


@asynccontextmanager
async def caller_waits() -> AsyncIterator[bool]:
    """Whether what the block records is what a waiting caller is told; else they must hear of it in another way."""
    caller = waiting_caller()
    if caller is None:
        yield False
        return
    async with caller.kept() as waits:
        yield waits


def tell(response: Response) -> None:
    """Give whoever waits the answer that was recorded just now."""
    if caller := waiting_caller():
        caller.answered(response)


def waiting_caller() -> WaitingCaller | None:
    """Whom this run works for; None for one that was taken up again or started by hand."""
    return _caller.get()
