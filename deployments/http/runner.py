"""Runs flows in the trigger's own process, since a process a run would cost the customer seconds."""

import asyncio
import contextlib
import logging
from uuid import UUID

from flows.cancel_subscription import cancel_subscription
from nodes.errors import CancelflowError
from nodes.services import Services, using

log = logging.getLogger(__name__)

# The caller has an answer by now, whatever happens (SPEC, Decided 12; under the specification's 10 s).
ANSWER_DEADLINE_SECONDS = 8.0
# Requests left behind by a process that died, or with a letter or event still to send, are looked for this often.
RESUME_EVERY_SECONDS = 10.0
RESUME_AT_MOST = 5
# A clean stop waits this long for the runs that are under way; what is left is taken up again by the next process.
GRACE_SECONDS = 20.0


class Runner:
    """Starts a run a request, and takes unfinished requests up again by the same way."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._runs: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for unfinished requests."""
        self._resuming = asyncio.create_task(self._resume())

    async def run(self, request_id: UUID) -> None:
        """Run the flow for this request; returns when it ended or the deadline passed, and then it goes on.

        Its errors are in the run and in the request's row. The caller hanging up does not reach it.
        """
        await asyncio.wait({self._begin(request_id)}, timeout=ANSWER_DEADLINE_SECONDS)

    async def stop(self) -> None:
        """Take up nothing new, and wait for what runs."""
        if self._resuming:
            self._resuming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._resuming
        if self._runs:
            await asyncio.wait(self._runs, timeout=GRACE_SECONDS)

    def _begin(self, request_id: UUID) -> asyncio.Task[None]:
        with using(self._services):
            run = asyncio.create_task(_carry_out(request_id))
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)
        return run

    async def _resume(self) -> None:
        while True:
            await asyncio.sleep(RESUME_EVERY_SECONDS)
            try:
                found = await self._services.database.claim_unfinished(RESUME_AT_MOST)
            except CancelflowError as error:
                log.warning("cannot look for unfinished requests: %s", error)
                continue
            for request_id in found:
                log.info("taking up request %s again", request_id)
            if found:
                await asyncio.wait([self._begin(request_id) for request_id in found])


async def _carry_out(request_id: UUID) -> None:
    try:
        await cancel_subscription(request_id)
    except Exception as error:
        # The run shows it, and the request's row says what to do about it. Only the error's kind is logged: other
        # libraries' messages may quote what they were given.
        log.warning("the run for request %s failed: %s", request_id, type(error).__name__)
