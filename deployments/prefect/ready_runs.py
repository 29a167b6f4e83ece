"""Pool of flow runs created in advance, to avoid a round trip per request, since the server assigns their ids.

The UI shows them as `Ready`, a few for each flow; they are deleted when no request has arrived for a while. `reconcile`
deletes those of a killed process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.schemas.objects import FlowRun

log = logging.getLogger(__name__)

PRECREATED = 2
KEPT_SECONDS = 60.0


class ReadyRuns:
    """A pool of pre-created runs for each flow in `waited_for`, filled once the flow has run.

    `make` and `take_back` create and delete a run on the server; `start` starts a task.
    """

    def __init__(
        self,
        waited_for: Iterable[str],
        make: Callable[[Flow[..., Any]], Awaitable[FlowRun]],
        take_back: Callable[[UUID], Awaitable[None]],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._ready: dict[str, list[FlowRun]] = {name: [] for name in waited_for}
        self._flows: dict[str, Flow[..., Any]] = {}
        self._make, self._take_back, self._start = make, take_back, start
        self._making: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None

    def take(self, flow: Flow[..., Any]) -> FlowRun | None:
        """Return the flow's oldest run, if any: the oldest, lest one gets so old that `reconcile` deletes it."""
        if flow.name not in self._ready:
            return None
        self._flows[flow.name] = flow
        if self._idle:
            self._idle.cancel()
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(KEPT_SECONDS, lambda: self._start(self.take_back()))
        ready = self._ready[flow.name]
        return ready.pop(0) if ready else None

    def fill(self, quiet: Callable[[], bool]) -> None:
        """Create missing runs while `quiet`, as running flows need the server more."""
        if self._making is None or self._making.done():
            self._making = self._start(self._fill(quiet))

    async def take_back(self) -> None:
        """Delete all pre-created runs, including one being created."""
        self._flows.clear()
        if self._making:
            await asyncio.wait([self._making])
        try:
            for ready in self._ready.values():
                while ready:
                    await self._take_back(ready.pop().id)
        except Exception as error:
            log.warning("a pre-created run is left for `reconcile` to delete: %s", type(error).__name__)

    async def _fill(self, quiet: Callable[[], bool]) -> None:
        try:
            for name, flow in [*self._flows.items()]:
                while name in self._flows and len(self._ready[name]) < PRECREATED and quiet():
                    self._ready[name].append(await self._make(flow))
        except Exception as error:
            log.warning("cannot pre-create runs: %s", type(error).__name__)
