"""The trigger's shared Prefect client, which sends the reports of runs in the background, in order.

Prefect's engine reports each state of a flow run and waits for the response, and it reads the flow and the run that it
has just created. Here reports are accepted immediately and known objects are not read again. Postgres has the record,
so a report lost in a crash is missing only in the UI.
"""

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus, StateAcceptDetails
from prefect.context import AsyncClientContext, SyncClientContext
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, PREFECT_API_URL
from prefect.states import Pending, Running

from deployments.prefect.ready_runs import ReadyRuns
from deployments.prefect.reports import reported_here
from deployments.prefect.settings import chosen_inside
from deployments.prefect.steps import reported_once
from nodes.runs.display import READY
from nodes.runs.fallback import BEGIN_SECONDS, server_is_away

log = logging.getLogger(__name__)

# Runs are only pre-created while at most this many runs are under way.
QUIET_AT_MOST = 2
# A clean stop waits this long for the last reports, and again for deleting pre-created runs. Without a limit, Prefect's
# client retries a failing call for a minute.
FLUSH_SECONDS = 3.0


class ClientBehind(PrefectClient):
    """A Prefect client for the runs in this process. Runs of the flows in `waited_for` are created in advance."""

    def __init__(self, *args: Any, waited_for: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._flows: dict[str, httpx.Response] = {}
        self._runs: dict[UUID, FlowRun] = {}  # under way
        self._begun: set[UUID] = set()  # of those: created in state Running
        self._unsaid: dict[UUID, dict[str, Any]] = {}  # updates of a run, sent with its final state
        self._last: dict[UUID, asyncio.Task[None]] = {}  # the last report of each run
        # Not the context of a run, which would make its reports part of that run.
        self._context = contextvars.copy_context()
        self._ready = ReadyRuns(waited_for, self._precreate, self.delete_flow_run, self._start)

    async def request(self, method: Any, path: Any, *args: Any, **kwargs: Any) -> httpx.Response:
        """Send a request as Prefect's client does, but cache the flow's id, which never changes."""
        if (method, path) != ("POST", "/flows/"):
            return await super().request(method, path, *args, **kwargs)
        name = kwargs["json"]["name"]
        if name not in self._flows:
            self._flows[name] = await super().request(method, path, *args, **kwargs)
        return self._flows[name]

    async def create_flow_run(self, flow: Flow[..., Any], *args: Any, **given: Any) -> FlowRun:
        """Return a pre-created run, whose name and parameters are sent with its end, or a new one in state Running."""
        if args:
            return await super().create_flow_run(flow, *args, **given)
        part_of_another = given.get("parent_task_run_id") is not None
        parameters = given.get("parameters") or {}
        name = str(flow.flow_run_name or flow.name).format(**parameters)
        if not part_of_another and (run := self._ready.take(flow)):
            run.parameters = parameters
            self._unsaid[run.id] = {"name": name, "parameters": parameters}
        else:
            run = await super().create_flow_run(flow, name=name, **given | {"state": Running()})
            self._begun.add(run.id)
        run.name = name
        self._runs[run.id] = run
        return run

    async def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        """Return a run of this process from memory."""
        run = self._runs.get(flow_run_id)
        return run.model_copy() if run else await super().read_flow_run(flow_run_id)

    async def set_flow_run_name(self, flow_run_id: UUID, name: str) -> httpx.Response:
        """Set the run's name, unless it was already named on creation."""
        if (run := self._runs.get(flow_run_id)) and run.name == name:
            return httpx.Response(204)
        return await super().set_flow_run_name(flow_run_id, name)

    async def update_flow_run(self, flow_run_id: UUID, *args: Any, **given: Any) -> httpx.Response:
        """Update the run; for a run of this process, the update is sent with its end."""
        if args or flow_run_id not in self._runs:
            return await super().update_flow_run(flow_run_id, *args, **given)
        self._unsaid[flow_run_id] = self._unsaid.get(flow_run_id, {}) | given
        return httpx.Response(204)

    async def set_flow_run_state(
        self, flow_run_id: UUID | str, state: State[Any], force: bool = False
    ) -> OrchestrationResult[Any]:
        """Set the run's state; for a run of this process, accept it immediately and report it in the background."""
        run = self._runs.get(flow_run_id) if isinstance(flow_run_id, UUID) else None
        if run is None:
            return await super().set_flow_run_state(flow_run_id, state, force)
        if run.id in self._begun and state.is_running():
            self._begun.discard(run.id)
        else:
            self._report(run.id, state)
        run.state, run.state_type, run.state_name = state, state.type, state.name
        run.run_count += state.is_running()
        return OrchestrationResult(state=state, status=SetStateStatus.ACCEPT, details=StateAcceptDetails())

    async def flush(self) -> None:
        """Wait for pending reports, and delete the pre-created runs."""
        if self._last:
            await asyncio.wait(self._last.values(), timeout=FLUSH_SECONDS)
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._ready.take_back()
        except TimeoutError:
            log.warning("pre-created runs are left for `reconcile` to delete: Prefect's server is unavailable or slow")

    def _report(self, run_id: UUID, state: State[Any]) -> None:
        if state.is_final():
            del self._runs[run_id]
            self._begun.discard(run_id)
            if unsaid := self._unsaid.pop(run_id, None):
                self._behind(run_id, lambda: super(ClientBehind, self).update_flow_run(run_id, **unsaid))
        reported = state.model_copy()
        # Forced, because the server's transition rules (limits, retries, pauses) don't apply here.
        self._behind(run_id, lambda: super(ClientBehind, self).set_flow_run_state(run_id, reported, force=True))

    def _behind(self, run_id: UUID, call: Callable[[], Awaitable[object]]) -> None:
        """Make the call in the background, after this run's earlier reports."""
        before = self._last.get(run_id)

        async def said() -> None:
            if before:
                await asyncio.wait([before])
            late = asyncio.get_running_loop().call_later(BEGIN_SECONDS, server_is_away)
            try:
                await call()
            except Exception as error:
                server_is_away()
                log.warning("the Prefect UI may show a wrong state for run %s: %s", run_id, type(error).__name__)
            finally:
                late.cancel()

        self._last[run_id] = self._start(said())
        self._last[run_id].add_done_callback(lambda done: self._was_said(run_id, done))

    def _was_said(self, run_id: UUID, done: asyncio.Task[None]) -> None:
        if self._last.get(run_id) is done:
            del self._last[run_id]
        if self._quiet():
            self._ready.fill(self._quiet)

    def _quiet(self) -> bool:
        return len(self._runs) <= QUIET_AT_MOST

    async def _precreate(self, flow: Flow[..., Any]) -> FlowRun:
        state: State[Any] = Pending(name=READY, message="waits for the next request")
        return await super().create_flow_run(flow, name=f"{flow.name}, ready", state=state)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work, context=self._context.copy())


@asynccontextmanager
async def shared_client(*waited_for: str) -> AsyncIterator[None]:
    """Share one client among the runs in this context, instead of two new ones each, with their own TLS contexts.

    `waited_for` names the flows whose runs are pre-created. An unavailable server doesn't prevent the start: /readyz
    reports it, and each run falls back on its own.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(reported_once())
        stack.enter_context(chosen_inside())
        try:
            shared = AsyncClientContext()
            shared.client = client = ClientBehind(
                PREFECT_API_URL.value(),
                waited_for=waited_for,
                auth_string=PREFECT_API_AUTH_STRING.value(),
                api_key=PREFECT_API_KEY.value(),
                # Compressing responses of 3 kB costs both sides more than it saves.
                httpx_settings={"headers": {"Accept-Encoding": "identity"}},
            )
            await stack.enter_async_context(shared)
            stack.enter_context(SyncClientContext.get_or_create())
            await stack.enter_async_context(reported_here(client))
            stack.push_async_callback(client.flush)
        except Exception as error:
            log.warning("the Prefect server is not reachable yet: %s", type(error).__name__)
        yield
