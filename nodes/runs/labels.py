"""A run's name and tags in the UI, by which support finds it. A help, and never worth the work."""

import asyncio
from collections.abc import Sequence

from prefect import get_client
from prefect.context import FlowRunContext

from nodes.node import run_log
from nodes.runs.display import DISPLAY_SECONDS


async def label(name: str, tags: Sequence[str]) -> None:
    """Name and tag the run that this is called from. Ids and words of ours only."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    try:
        async with asyncio.timeout(DISPLAY_SECONDS), get_client() as client:
            await client.update_flow_run(context.flow_run.id, name=name, tags=list(tags))
    except Exception as error:  # whatever the server does, the work goes on
        run_log().warning("this run is not labelled: %s", type(error).__name__)
