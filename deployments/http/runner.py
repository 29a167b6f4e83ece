"""Runs cancellations in the trigger's own process, since starting a process for each takes seconds."""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from flows.cancel_subscription import cancel_subscription
from flows.resume_unfinished import resume_unfinished
from nodes.errors import CancelflowError, DatabaseUnavailable
from nodes.requests.caller import WaitingCaller
from nodes.requests.records import Response
from nodes.runs.fallback import run_flow
from nodes.services import Services, using

log = logging.getLogger(__name__)

# More would not finish sooner: a run is mostly processor time, so each would only be slower.
MAX_CONCURRENT_RUNS = 8
# How many more may queue for a run while their callers wait: about as many as get a response in time. The rest waits in
# Postgres, and their callers get a 202 immediately.
CALLERS_IN_LINE = 24
# How many requests are recorded concurrently. More would only wait for a database connection.
MAX_CONCURRENT_INTAKES = 5
# After the deadline, a request waits on in these intervals as long as the machine is slow and the database is not away.
WAITS_ON_SECONDS = 1.0
# Recording requests goes before starting runs, since it takes milliseconds and a run a tenth of a second; but under
# constant arrivals, a run still starts this often.
GIVE_WAY_SECONDS = 1.0
# How often to check for waiting requests and for unfinished ones.
LOOK_EVERY_SECONDS = 1.0
# A clean stop waits this long for running runs, then leaves them to the next process.
GRACE_SECONDS = 10.0
LET_GO_SECONDS = 2.0


class Runner:
    """A starter of cancellation runs, up to a limit; further requests wait in Postgres, from where it claims them.

    `context` is what each run starts with: the services, and Prefect's client where there is one.
    """

    def __init__(self, services: Services, context: contextvars.Context) -> None:
        self._services = services
        self._context = context
        self._places = asyncio.Semaphore(MAX_CONCURRENT_RUNS)
        self._doors = asyncio.Semaphore(MAX_CONCURRENT_INTAKES)
        self._outside = 0
        self._cannot_record = False
        self._giving_way = asyncio.Lock()
        self._all_received = asyncio.Event()
        self._all_received.set()
        self._in_line = 0
        self._runs: dict[asyncio.Task[None], UUID] = {}
        self._looking: list[asyncio.Task[None]] = []
        self._draining = False

    def start(self) -> None:
        """Start to check for waiting and unfinished requests."""
        looks = (self._look(self._begin_next), self._look(self._resume))
        self._looking = [asyncio.create_task(look, context=self._context.copy()) for look in looks]

    @asynccontextmanager
    async def receiving(self, deadline: float) -> AsyncIterator[bool]:
        """Limit how many requests are recorded concurrently; yield `full`.

        Raises `DatabaseUnavailable` after `deadline`, on the running loop's clock, but only if the last request met it
        too: while requests can be recorded, however slowly, none is turned away.
        """
        self._outside += 1
        self._all_received.clear()
        try:
            await self._let_in(deadline)
        finally:
            self._outside -= 1
            if not self._outside:
                self._all_received.set()
        try:
            yield self.full
            self._cannot_record = False
        except DatabaseUnavailable:
            self._cannot_record = True
            raise
        finally:
            self._doors.release()

    @property
    def full(self) -> bool:
        """Return whether a further caller would get no response in time, so its request has to wait in Postgres."""
        return self._draining or (self._places.locked() and self._in_line >= CALLERS_IN_LINE)

    async def run(self, request_id: UUID, deadline: float) -> Response | None:
        """Run the flow for this request; return once its response is recorded, the run ended, or the deadline passed.

        In the last case the run continues, or waits in Postgres. None: this run has recorded no response so far. Errors
        are in the run and in the request's row. A disconnecting caller does not affect the run. `deadline` is on the
        running loop's clock.
        """
        if self.full:  # the queue filled up since the request was recorded
            await self._services.database.end_lease(request_id)
            return None
        self._in_line += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._places.acquire()
        except TimeoutError:
            await self._services.database.end_lease(request_id)
            return None
        finally:
            self._in_line -= 1
        await self._give_way()
        caller = WaitingCaller()
        self._begin(request_id, caller).add_done_callback(lambda _: caller.answered())
        await caller.wait(deadline)
        return caller.response

    def drain(self) -> None:
        """Stop claiming requests; running runs continue. May be called from another thread."""
        self._draining = True

    async def stop(self) -> None:
        """Stop claiming requests, wait for running runs, and leave the rest to other processes."""
        self.drain()
        if under_way := [*self._looking, *self._runs]:  # `_looking` may be resuming unfinished requests
            await asyncio.wait(under_way, timeout=GRACE_SECONDS)
        for looking in self._looking:
            looking.cancel()
        if self._looking:
            await asyncio.wait(self._looking, timeout=LET_GO_SECONDS)
        if left := dict(self._runs):
            log.warning("%d runs were stopped and will be resumed", len(left))
            for run in left:
                run.cancel()
            await asyncio.wait(left, timeout=LET_GO_SECONDS)
            await asyncio.gather(*map(self._services.database.end_lease, left.values()), return_exceptions=True)

    async def _let_in(self, deadline: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._doors.acquire()
                return
        if self._cannot_record:
            raise DatabaseUnavailable("too many requests wait to be recorded")
        await self._let_in(asyncio.get_running_loop().time() + WAITS_ON_SECONDS)

    async def _give_way(self) -> None:
        """Wait a limited time, holding a place, until all arrived requests are recorded; release it if cancelled.

        Runs start one after the other, so that they don't take the processor from requests still to be recorded.
        """
        try:
            async with self._giving_way:
                with suppress(TimeoutError):
                    async with asyncio.timeout(GIVE_WAY_SECONDS):
                        await self._all_received.wait()
        except BaseException:
            self._places.release()
            raise

    def _begin(self, request_id: UUID, caller: WaitingCaller | None = None) -> asyncio.Task[None]:
        """Start a run in the place acquired for it."""
        run = asyncio.create_task(_carry_out(request_id, caller), context=self._context.copy())
        self._runs[run] = request_id
        run.add_done_callback(self._ended)
        return run

    def _ended(self, run: asyncio.Task[None]) -> None:
        del self._runs[run]
        self._places.release()

    async def _look(self, for_something: Callable[[], Awaitable[bool]]) -> None:
        while not self._draining:
            try:
                found = await for_something()
            except CancelflowError as error:
                log.warning("cannot check for waiting requests: %s", error)
                found = False
            if not found and not self._draining:
                await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _begin_next(self) -> bool:
        """Start the next request that waits in Postgres, once there is a place; return whether there was one."""
        await self._places.acquire()
        await self._give_way()
        try:
            claimed = [] if self._draining else await self._services.database.claim("cancellation", 1, only_new=True)
        except BaseException:
            self._places.release()
            raise
        if claimed:
            self._begin(UUID(claimed[0].id))
        else:
            self._places.release()
        return bool(claimed)

    async def _resume(self) -> bool:
        """Resume unfinished work, if any; return whether there was some."""
        if not await self._services.database.anything_unfinished():
            return False
        await run_flow(resume_unfinished)
        return True


def run_context(services: Services) -> contextvars.Context:
    """Return a copy of the current context with these services."""
    with using(services):
        return contextvars.copy_context()


async def _carry_out(request_id: UUID, caller: WaitingCaller | None) -> None:
    if caller is None:
        await run_flow(cancel_subscription, request_id)
        return
    with caller.calling():
        await run_flow(cancel_subscription, request_id)
