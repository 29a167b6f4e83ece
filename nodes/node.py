"""What every node is to Prefect: a task under the specification's name, which repeats nothing by itself."""

import functools
import inspect
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.logging import get_run_logger

P = ParamSpec("P")
R = TypeVar("R")
Node = Callable[P, Coroutine[Any, Any, R]]

_shown: ContextVar[bool] = ContextVar("shown", default=True)


def node(name: str, step: str) -> Callable[[Node[P, R]], Node[P, R]]:
    """Make an async function a numbered step of a flow.

    No retries here: each client has its rule, with its reason, beside its call. No caching and no persisted results:
    Postgres knows what is done, and what a node returns never leaves the process (SPEC, Decided 9). No tags: each
    would cost a call to the server for a concurrency limit that is not there.
    """

    def decorate(function: Node[P, R]) -> Node[P, R]:
        # Kept, for Prefect works it out five times a run of each.
        function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        as_task = task(
            name=name,
            task_run_name=name,
            description=f"Step {step}. {function.__doc__}",
            cache_policy=NO_CACHE,
            persist_result=False,
        )(function)

        @functools.wraps(function)
        async def run(*args: P.args, **kwargs: P.kwargs) -> R:
            return await (as_task if _shown.get() else function)(*args, **kwargs)

        return run

    return decorate


def uses_prefect() -> bool:
    """Return whether nodes run as Prefect's tasks here."""
    return _shown.get()


def started_by_hand() -> bool:
    """Return whether an operator started this run from the UI: a deployment's, and not another run's part.

    As the run itself has it. `prefect.runtime.deployment` asks the server each time, and holds up every other run of
    the process while it waits.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run is not None and run.deployment_id is not None and run.parent_task_run_id is None


@contextmanager
def without_prefect() -> Iterator[None]:
    """Nodes inside this block run as the plain functions that they are: the work does not wait for a Prefect server."""
    token = _shown.set(False)
    try:
        yield
    finally:
        _shown.reset(token)


def run_log() -> "logging.Logger | logging.LoggerAdapter[logging.Logger]":
    """Return the run's own log, which its page shows; the process's where there is no run to show it."""
    return get_run_logger() if FlowRunContext.get() else logging.getLogger("cancelflow.run")
