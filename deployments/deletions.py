"""Runs the flow `delete-expired-data` for an operator, and returns its report for the terminal."""

import asyncio
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
)

from flows.delete_expired_data import delete_expired_data


def carry_out(*, dry_run: bool, at_most: int | None) -> tuple[bool, str]:
    """Run the flow; return whether it completed, and its report in Markdown, with ids and counts only."""
    return asyncio.run(_carry_out(dry_run, at_most))


async def _carry_out(dry_run: bool, at_most: int | None) -> tuple[bool, str]:
    state = await delete_expired_data(dry_run, at_most, return_state=True)
    page = await _page(state.state_details.flow_run_id)
    return state.is_completed(), page or state.message or state.name or ""


async def _page(flow_run_id: UUID | None) -> str | None:
    """Return the run's artifact, or None where the run failed before writing it."""
    wanted = ArtifactFilter(
        flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id] if flow_run_id else []),
        key=ArtifactFilterKey(any_=[delete_expired_data.name]),
    )
    async with get_client() as client:
        found = await client.read_artifacts(artifact_filter=wanted)
    return str(found[0].data) if found else None
