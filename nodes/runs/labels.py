"""A run's name and tags in the UI, by which support finds it. Best effort: a failure never fails the run."""

import asyncio
from collections.abc import Sequence

from prefect import get_client
from prefect.context import FlowRunContext

from nodes.node import run_log
from nodes.runs.display import DISPLAY_SECONDS


async def label(name: str, tags: Sequence[str]) -> None:
    """Set the name and tags of the current run. They must contain no personal data."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    try:
        async with asyncio.timeout(DISPLAY_SECONDS), get_client() as client:
            await client.update_flow_run(context.flow_run.id, name=name, tags=list(tags))
    except Exception as error:  # a label is not worth failing the work for
        run_log().warning("could not label this run: %s", type(error).__name__)
