"""Runs flows in the trigger's own process, since a process a run would cost the customer seconds."""

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

# More at once finish no sooner: a run is mostly processor time, and each would only wait longer for the others.
MAX_CONCURRENT_RUNS = 8
# How many more may wait for a place while their callers wait for an answer: about as many as get one in time. The rest
# wait in Postgres, and their callers are told so at once.
CALLERS_IN_LINE = 24
# How many are received at once. More would only wait for a connection to the database, as one that is away makes wait.
MAX_CONCURRENT_INTAKES = 5
# Whoever waited in vain until then waits on, as long as it is this machine that is slow and not the database.
WAITS_ON_SECONDS = 1.0
# Whoever waits to be received goes first, since that takes milliseconds and a run a tenth of a second; but through a
# stream of them that never ends, a run begins this often.
GIVE_WAY_SECONDS = 1.0
# How often to look for requests that wait their turn, and for those that a run left unfinished.
LOOK_EVERY_SECONDS = 1.0
# A clean stop waits this long for the runs that are under way, and then leaves them to the next process.
GRACE_SECONDS = 10.0
LET_GO_SECONDS = 2.0


class Runner:
    """Starts a run a request, so many at once; the rest wait in Postgres and are taken up by the same way.

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
        """Begin to look for requests that wait."""
        looks = (self._look(self._begin_next), self._look(self._resume))
        self._looking = [asyncio.create_task(look, context=self._context.copy()) for look in looks]

    @asynccontextmanager
    async def receiving(self, deadline: float) -> AsyncIterator[bool]:
        """Let one more in, so many at once; gives whether they would wait in vain for a place, as `full` says.

        Raises `DatabaseUnavailable` after `deadline`, on the running loop's clock, if the last one let in met it too:
        where requests are recorded, if slowly, nobody is sent away.
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
        """Return whether one more caller would wait in vain: their request is then to wait in Postgres."""
        return self._draining or (self._places.locked() and self._in_line >= CALLERS_IN_LINE)

    async def run(self, request_id: UUID, deadline: float) -> Response | None:
        """Run the flow for this request; returns once its answer is recorded, the run ended, or the deadline passed.

        In the last case it goes on, or waits its turn in Postgres. None: this run has recorded no answer. Its errors
        are in the run and in the request's row. The caller hanging up does not reach it. `deadline` is on the running
        loop's clock.
        """
        if self.full:  # as many came in beside it as get an answer in time
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
        """Take up nothing more; what runs goes on. May be called from another thread."""
        self._draining = True

    async def stop(self) -> None:
        """Take up nothing more, wait for what runs, and leave the rest to whoever looks next."""
        self.drain()
        if under_way := [*self._looking, *self._runs]:  # a look may be at work on what was left
            await asyncio.wait(under_way, timeout=GRACE_SECONDS)
        for looking in self._looking:
            looking.cancel()
        if self._looking:
            await asyncio.wait(self._looking, timeout=LET_GO_SECONDS)
        if left := dict(self._runs):
            log.warning("%d runs are left to be taken up again", len(left))
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
        """With a place: wait until all who came are received, but not for ever. Cut off, it gives the place back.

        One run after the other: as many as there are places would keep the processor from those who still wait.
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
        """Start a run in the place that was taken for it."""
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
                log.warning("cannot look for requests that wait: %s", error)
                found = False
            if not found and not self._draining:
                await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _begin_next(self) -> bool:
        """Begin a request whose run could not begin when it came in: as soon as there is a place."""
        await self._places.acquire()
        await self._give_way()
        try:
            claimed = [] if self._draining else await self._services.database.claim_cancellations(1, only_new=True)
        except BaseException:
            self._places.release()
            raise
        if claimed:
            self._begin(UUID(claimed[0].id))
        else:
            self._places.release()
        return bool(claimed)

    async def _resume(self) -> bool:
        """Return whether a run had left something unfinished; then it has had its turn."""
        if not await self._services.database.anything_unfinished():
            return False
        await run_flow(resume_unfinished)
        return True


def run_context(services: Services) -> contextvars.Context:
    """Return the context of here and now, with these services in it."""
    with using(services):
        return contextvars.copy_context()


async def _carry_out(request_id: UUID, caller: WaitingCaller | None) -> None:
    if caller is None:
        await run_flow(cancel_subscription, request_id)
        return
    with caller.calling():
        await run_flow(cancel_subscription, request_id)
