"""Runs a flow that processes many customers for an operator, and returns its report for the terminal."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from prefect import Flow, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
)
from prefect.client.schemas.objects import State

Sweeping = Flow[..., Coroutine[Any, Any, State[None]]]


def carry_out(flow: Sweeping, **parameters: object) -> tuple[bool, str]:
    """Run the flow; return whether it completed, and its report in Markdown, with ids and counts only."""
    return asyncio.run(_carry_out(flow, parameters))


async def _carry_out(flow: Sweeping, parameters: dict[str, object]) -> tuple[bool, str]:
    state = await flow(**parameters, return_state=True)
    page = await _page(state.state_details.flow_run_id, flow.name)
    return state.is_completed(), page or state.message or state.name or ""


async def _page(flow_run_id: UUID | None, key: str) -> str | None:
    """Return the run's artifact, or None where the run failed before writing it."""
    wanted = ArtifactFilter(
        flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id] if flow_run_id else []),
        key=ArtifactFilterKey(any_=[key]),
    )
    async with get_client() as client:
        found = await client.read_artifacts(artifact_filter=wanted)
    return str(found[0].data) if found else None
