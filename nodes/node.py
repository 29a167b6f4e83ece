"""The decorator that makes a node a Prefect task, under the specification's name and without retries."""

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

    No retries: each client defines its own, next to the call. No caching and no persisted results: Postgres records
    what is done, and a node's result never leaves the process (SPEC, Decided 9). No tags: Prefect would call the
    server for each one, to look up a concurrency limit that doesn't exist.
    """

    def decorate(function: Node[P, R]) -> Node[P, R]:
        # Cached, because Prefect computes the signature five times per task run.
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
    """Return whether nodes run as Prefect tasks in this context."""
    return _shown.get()


def started_by_hand() -> bool:
    """Return whether an operator started this run from the UI: it has a deployment and is not a subflow.

    Read from the run context, because `prefect.runtime.deployment` calls the server each time and blocks every other
    run of the process while it waits.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run is not None and run.deployment_id is not None and run.parent_task_run_id is None


@contextmanager
def without_prefect() -> Iterator[None]:
    """Run nodes inside this block as plain functions, without a Prefect server."""
    token = _shown.set(False)
    try:
        yield
    finally:
        _shown.reset(token)


def run_log() -> "logging.Logger | logging.LoggerAdapter[logging.Logger]":
    """Return the flow run's logger, which Prefect shows on the run's page, or the process's logger outside a run."""
    return get_run_logger() if FlowRunContext.get() else logging.getLogger("cancelflow.run")
