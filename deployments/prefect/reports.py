"""Sends the step events and log lines of runs to Prefect's server, from a task on the trigger's own event loop.

Prefect uses a thread with an event loop for each of the two, woken by every event and line: a seventh of a run's
processor time. What cannot be sent is dropped, as Prefect does: Postgres has the record.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.context import FlowRunContext
from prefect.events import utilities as events
from prefect.events.clients import EventsClient, PrefectEventsClient, get_events_client
from prefect.events.related import object_as_related_resource, tags_as_related_resources
from prefect.events.schemas.events import Event, RelatedResource
from prefect.logging import handlers

log = logging.getLogger(__name__)

# The UI shows steps and lines with these delays. The server itself writes steps once a second.
TELL_EVERY_SECONDS = 0.2
WRITE_EVERY_SECONDS = 1.0
# While the server is unavailable, the oldest are dropped beyond these numbers.
KEPT_EVENTS = 5_000
KEPT_LINES = 5_000
MAX_LINES = 500
# A clean stop waits this long for the last reports.
DRAIN_SECONDS = 3.0
AWAY_SECONDS = 5.0
# Internals of Prefect, as it has no setting for either. With a release that changes them, tests/http/test_shown_runs.py
# fails, and reports go through Prefect's own threads.
_EVENTS_WORKER = "EventsWorker"
_LOG_SINK = "set_api_log_sink"


class Reports:
    """A queue of events and log lines to send, which replaces Prefect's events worker."""

    client_type = PrefectEventsClient

    def __init__(self, client: PrefectClient) -> None:
        self._client = client
        self._events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._lines: deque[dict[str, Any]] = deque(maxlen=KEPT_LINES)

    def instance(self) -> "Reports":
        """Return itself, as the engine asks for its worker."""
        return self

    def send(self, event: Event) -> None:
        """Queue an event of a step; the engine calls this inside the run."""
        told = {resource.id for resource in event.involved_resources}
        event.related += [resource for resource in _about_this_run() if resource.id not in told]
        self._events.append(event)

    def write(self, line: dict[str, Any]) -> None:
        """Queue a log line as made by Prefect's handler; may be called from any thread."""
        line.pop("__payload_size__", None)
        self._lines.append(line)

    async def send_until(self, ended: asyncio.Event) -> None:
        """Send queued reports until `ended`, then the rest."""
        while not ended.is_set() or self._events or self._lines:
            try:
                async with get_events_client() as client:
                    await self._send_by(client, ended)
            except Exception as error:
                log.warning("cannot send steps and logs to the Prefect UI: %s", type(error).__name__)
                await _wait(ended, AWAY_SECONDS)

    async def _send_by(self, client: EventsClient, ended: asyncio.Event) -> None:
        write_at = 0.0
        while not ended.is_set() or self._events or self._lines:
            await _wait(ended, TELL_EVERY_SECONDS)
            await self._send_events(client)
            now = asyncio.get_running_loop().time()
            if now >= write_at or ended.is_set():
                await self._send_lines()
                write_at = now + WRITE_EVERY_SECONDS

    async def _send_events(self, client: EventsClient) -> None:
        while self._events:
            await client.emit(self._events[0])
            self._events.popleft()

    async def _send_lines(self) -> None:
        while self._lines:
            lines = [self._lines.popleft() for _ in range(min(MAX_LINES, len(self._lines)))]
            await self._client.create_logs(lines)


@asynccontextmanager
async def reported_here(client: PrefectClient) -> AsyncIterator[None]:
    """Report the runs of this process through `Reports` inside the block."""
    as_ever, set_sink = getattr(events, _EVENTS_WORKER, None), getattr(handlers, _LOG_SINK, None)
    if as_ever is None or set_sink is None:
        log.warning("unknown Prefect internals: reports go through Prefect's own threads")
        yield
        return
    reports = Reports(client)
    async with AsyncExitStack() as stack:
        ended = asyncio.Event()
        sending = asyncio.create_task(reports.send_until(ended))
        stack.push_async_callback(_finished, sending)
        stack.callback(ended.set)
        setattr(events, _EVENTS_WORKER, reports)
        stack.callback(setattr, events, _EVENTS_WORKER, as_ever)
        set_sink(reports.write)
        stack.callback(set_sink, None)
        yield


async def _finished(sending: asyncio.Task[None]) -> None:
    await asyncio.wait([sending], timeout=DRAIN_SECONDS)
    if not sending.done():
        log.warning("the last steps and logs are missing in the Prefect UI: its server is unavailable or slow")
        sending.cancel()
        await asyncio.wait([sending], timeout=DRAIN_SECONDS)


async def _wait(ended: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await ended.wait()
    except TimeoutError:
        return


def _about_this_run() -> list[RelatedResource]:
    """Return the event's related resources, which Prefect's worker would read from the server each time."""
    context = FlowRunContext.get()
    run = context and context.flow_run
    if not context or not context.flow or not run:
        return []
    flow = RelatedResource.model_validate(
        {
            "prefect.resource.id": f"prefect.flow.{run.flow_id}",
            "prefect.resource.role": "flow",
            "prefect.resource.name": context.flow.name,
        }
    )
    return [
        object_as_related_resource("flow-run", "flow-run", run),
        flow,
        *tags_as_related_resources(set(run.tags)),
    ]
