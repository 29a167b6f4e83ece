"""The context of a scheduled flow that processes many customers: services, progress, and summary."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed, Failed

from nodes.node import run_log
from nodes.runs.display import Progress, show, table
from nodes.services import services_of_this_run

# Small enough that a run that dies leaves little claimed, and that memory use stays constant.
BATCH = 100
PROGRESS_EVERY_SECONDS = 2.0
# A summary with more ids is of no use to its readers.
IDS_SHOWN = 500


class Sweep:
    """The progress and result of a run, in ids and counts. `name`: the flow's name, and the key of its artifacts."""

    def __init__(self, name: str, at_most: int | None) -> None:
        self.name = name
        self._at_most = at_most
        self._due = 0
        self._through = 0
        self._in_vain = False
        self._progress = Progress(f"{name}-progress")
        self._shown_at = 0.0
        self.failed: dict[str, str] = {}

    @property
    def next_batch(self) -> int:
        """The size of the next batch; 0 once `at_most` is reached, or if the whole last batch failed."""
        if self._in_vain:
            return 0
        return BATCH if self._at_most is None else max(0, min(BATCH, self._at_most - self._through))

    async def expect(self, due: int) -> None:
        """Set how many are due, and show progress from here on."""
        self._due = due if self._at_most is None else min(due, self._at_most)
        run_log().info("%s due", self._due)
        await self._show_progress()

    async def went_through(self, taken: int, failed: dict[str, str]) -> None:
        """Record a batch and its failures, which are left for the next run. If all failed, the sweep stops."""
        self._through += taken
        self._in_vain = len(failed) >= taken
        self.failed |= failed
        if time.monotonic() - self._shown_at > PROGRESS_EVERY_SECONDS:
            await self._show_progress()

    async def summarize(self, markdown: str) -> None:
        """Publish the run's result, with the failures that are left for the next run."""
        self._due = self._through
        await self._show_progress()
        if self.failed:
            left = list(self.failed.items())[:IDS_SHOWN]
            markdown += "\n\nLeft for the next run:\n\n" + table(("id", "failure"), left)
        if FlowRunContext.get():
            await show(self.name, markdown, "What this run did")

    def state(self, message: str) -> State[None]:
        """Return the run's final state: failed if anything is left for the next run, so that alerts notice."""
        if self.failed:
            return Failed(message=f"{message}; {len(self.failed)} left for the next run")
        return Completed(message=message)

    async def _show_progress(self) -> None:
        self._shown_at = time.monotonic()
        percent = 100.0 * self._through / self._due if self._due else 100.0
        if FlowRunContext.get():
            await self._progress.reached(f"{self._through} of {self._due}", min(percent, 100.0))


@asynccontextmanager
async def sweep(name: str, at_most: int | None = None) -> AsyncIterator[Sweep]:
    """Surround the steps of a run. Safe to repeat and to run concurrently, because users are claimed in Postgres."""
    async with services_of_this_run():
        yield Sweep(name, at_most)
