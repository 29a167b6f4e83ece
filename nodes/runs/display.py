"""Artifacts and run states in Prefect. Best effort: a server that is unavailable or slow never fails the work."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import get_client
from prefect.artifacts import acreate_markdown_artifact, acreate_progress_artifact, aupdate_progress_artifact
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.states import Crashed

from nodes.node import run_log

DISPLAY_SECONDS = 2.0
# The state of pre-created runs. Not a tag, because the server would write an additional row per event of their steps.
READY = "Ready"
# Runs take seconds, so one that is this old has ended.
STALE_AFTER = timedelta(hours=1)
CLOSED_PER_RUN = 200
CLOSING_SECONDS = 60.0


async def show(key: str, markdown: str, description: str) -> None:
    """Publish a Markdown artifact, with ids and counts only."""
    try:
        async with asyncio.timeout(DISPLAY_SECONDS):
            await acreate_markdown_artifact(markdown, key=key, description=description)
    except Exception as error:
        run_log().warning("could not publish the artifact %s: %s", key, type(error).__name__)


class Progress:
    """A progress artifact on the run's page.

    The description says how far the run is, because a run that doesn't know its total has no percentage.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._id: UUID | None = None

    async def reached(self, words: str, percent: float = 50.0) -> None:
        """Update the artifact."""
        run_log().info("%s", words)
        try:
            async with asyncio.timeout(DISPLAY_SECONDS):
                if self._id is None:
                    self._id = await acreate_progress_artifact(percent, key=self._key, description=words)
                else:
                    await aupdate_progress_artifact(self._id, percent, description=words)
        except Exception as error:
            run_log().warning("could not show the progress: %s", type(error).__name__)

    async def done(self, words: str) -> None:
        """Update the artifact to 100 percent."""
        await self.reached(words, 100.0)


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _cell(text: str) -> str:
    # User ids may contain a pipe: auth0|5f7…
    return text.replace("|", "\\|").replace("\n", " ")


async def close_stale_runs(*flow_names: str) -> None:
    """Mark stale runs as crashed: their process died, or the server was unavailable when they ended.

    Stale pre-created runs, of a trigger that was killed, are deleted.
    """
    long_ago = {"before_": datetime.now(UTC) - STALE_AFTER}
    stale = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])),
        start_time=FlowRunFilterStartTime.model_validate(long_ago),
    )
    unused = FlowRunFilter(
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=[READY])),
        expected_start_time=FlowRunFilterExpectedStartTime.model_validate(long_ago),
    )
    flows = FlowFilter(name=FlowFilterName(any_=list(flow_names)))
    try:
        async with asyncio.timeout(CLOSING_SECONDS), get_client() as client:
            for run in await client.read_flow_runs(flow_filter=flows, flow_run_filter=unused, limit=CLOSED_PER_RUN):
                await client.delete_flow_run(run.id)
            for run in await client.read_flow_runs(flow_filter=flows, flow_run_filter=stale, limit=CLOSED_PER_RUN):
                ended: State[None] = Crashed(message="Its end was not reported. See its record in Postgres.")
                await client.set_flow_run_state(run.id, ended, force=True)
    except Exception as error:
        run_log().warning("could not close stale runs: %s", type(error).__name__)


async def close_crashed_run(flow_run_id: UUID, name: str) -> None:
    """Mark the run of a killed process, which would stay Running forever, as crashed, and name it after its request."""
    try:
        async with asyncio.timeout(DISPLAY_SECONDS), get_client() as client:
            run = await client.read_flow_run(flow_run_id)
            if run.state is not None and not run.state.is_final():
                await client.update_flow_run(flow_run_id, name=name)
                died: State[None] = Crashed(message="Its process died. Another run resumes the request.")
                await client.set_flow_run_state(flow_run_id, died, force=True)
    except Exception as error:
        run_log().warning("could not close run %s: %s", flow_run_id, type(error).__name__)
