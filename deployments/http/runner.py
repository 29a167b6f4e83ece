"""Runs flows in the trigger's own process, since a process a run would cost the customer seconds."""

import asyncio
import contextlib
import contextvars
import logging
from uuid import UUID

from flows.cancel_subscription import cancel_subscription
from nodes.cancellation.caller import WaitingCaller
from nodes.cancellation.leave import put_in_line
from nodes.errors import CancelflowError
from nodes.node import not_shown
from nodes.services import Services, using

log = logging.getLogger(__name__)

# The caller has an answer by now, whatever happens (SPEC, Decided 12; under the specification's 10 s).
ANSWER_DEADLINE_SECONDS = 8.0
# More at once finish no sooner: a run is mostly processor time, and each would only wait longer for the others.
RUNS_AT_ONCE = 8
# How often to look for requests that wait their turn: those of a burst, those that a process left when it died, and
# those with a letter or event still to send.
LOOK_EVERY_SECONDS = 1.0
# A clean stop waits this long for the runs that are under way; what is left is taken up again by the next process.
GRACE_SECONDS = 20.0


class Runner:
    """Starts a run a request, so many at once; the rest wait in Postgres and are taken up by the same way.

    `context` is what each run starts with: the services, and Prefect's client where there is one.
    """

    def __init__(self, services: Services, context: contextvars.Context) -> None:
        self._services = services
        self._context = context
        self._places = asyncio.Semaphore(RUNS_AT_ONCE)
        self._runs: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for requests that wait."""
        self._looking = asyncio.create_task(self._look())

    async def run(self, request_id: UUID, user_id: UUID) -> None:
        """Run the flow for this request; returns once its answer is recorded, the run ended, or the deadline passed.

        In the last case it goes on, or waits its turn in Postgres. Its errors are in the run and in the request's row.
        The caller hanging up does not reach it.
        """
        deadline = asyncio.get_running_loop().time() + ANSWER_DEADLINE_SECONDS
        try:
            async with asyncio.timeout_at(deadline):
                await self._places.acquire()
        except TimeoutError:
            await put_in_line(request_id, user_id)
            return
        caller = WaitingCaller()
        self._begin(request_id, caller).add_done_callback(lambda _: caller.answered())
        await caller.wait(deadline)

    async def stop(self) -> None:
        """Take up nothing new, and wait for what runs."""
        if self._looking:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        if self._runs:
            await asyncio.wait(self._runs, timeout=GRACE_SECONDS)

    def _begin(self, request_id: UUID, caller: WaitingCaller | None = None) -> asyncio.Task[None]:
        """Start a run in the place that was taken for it."""
        run = asyncio.create_task(_carry_out(request_id, caller), context=self._context.copy())
        self._runs.add(run)
        run.add_done_callback(self._ended)
        return run

    def _ended(self, run: asyncio.Task[None]) -> None:
        self._runs.discard(run)
        self._places.release()

    async def _look(self) -> None:
        while True:
            await self._places.acquire()
            try:
                found = await self._services.database.claim_unfinished(at_most=1)
            except CancelflowError as error:
                log.warning("cannot look for unfinished requests: %s", error)
                found = []
            if found:
                log.info("taking up request %s again", found[0])
                self._begin(found[0])
            else:
                self._places.release()
                await asyncio.sleep(LOOK_EVERY_SECONDS)


def run_context(services: Services) -> contextvars.Context:
    """The context of here and now, with these services in it."""
    with using(services):
        return contextvars.copy_context()


async def _carry_out(request_id: UUID, caller: WaitingCaller | None) -> None:
    """Only the kind of an error is logged: other libraries' messages may quote what they were given."""
    with caller.calling() if caller else contextlib.nullcontext():
        try:
            await cancel_subscription(request_id)
        except CancelflowError as error:
            # The run shows it, and the request's row says what to do about it.
            log.warning("the run for request %s failed: %s", request_id, type(error).__name__)
        except Exception as error:
            log.warning("request %s goes on without being shown: %s", request_id, type(error).__name__)
            await _carry_out_not_shown(request_id)


async def _carry_out_not_shown(request_id: UUID) -> None:
    """The same nodes as plain functions: the Prefect server is away, and the customer's wish does not wait for it."""
    with not_shown():
        try:
            await cancel_subscription.fn(request_id)
        except Exception as error:
            log.warning("the run for request %s failed: %s", request_id, type(error).__name__)
