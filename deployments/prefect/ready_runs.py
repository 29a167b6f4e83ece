"""Flow runs that are made in Prefect before somebody waits for one, as their ids are the server's to give.

They stand in the UI as `Ready` while customers come, a few of each flow, and are taken back when none has come for a
while. What a killed process leaves of them, `reconcile` clears away.
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
    """Of the flows in `waited_for`, once each has run. `make` and `take_back` ask the server; `start` begins a task."""

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
        """Return the oldest of this flow, if there is one, so that none grows as old as what `reconcile` clears away."""
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
        """Make what is missing, as long as it is quiet: a run that is under way needs the server more."""
        if self._making is None or self._making.done():
            self._making = self._start(self._fill(quiet))

    async def take_back(self) -> None:
        """All of them, and the one that is being made."""
        self._flows.clear()
        if self._making:
            await asyncio.wait([self._making])
        try:
            for ready in self._ready.values():
                while ready:
                    await self._take_back(ready.pop().id)
        except Exception as error:
            log.warning("a run that was made ahead is left to `reconcile`: %s", type(error).__name__)

    async def _fill(self, quiet: Callable[[], bool]) -> None:
        try:
            for name, flow in [*self._flows.items()]:
                while name in self._flows and len(self._ready[name]) < PRECREATED and quiet():
                    self._ready[name].append(await self._make(flow))
        except Exception as error:
            log.warning("no runs are made ahead: %s", type(error).__name__)
