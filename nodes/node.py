"""What every node is to Prefect: a task under the specification's name, which repeats nothing by itself."""

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE

P = ParamSpec("P")
R = TypeVar("R")


def node(name: str, step: str) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Task[P, Coroutine[Any, Any, R]]]:
    """Make an async function a numbered step of a flow.

    No retries here: each client has its rule, with its reason, beside its call. No caching and no persisted results:
    Postgres knows what is done, and what a node returns never leaves the process (SPEC, Decided 9). No tags: each
    would cost a call to the server for a concurrency limit that is not there.
    """

    def decorate(function: Callable[P, Coroutine[Any, Any, R]]) -> Task[P, Coroutine[Any, Any, R]]:
        as_task = task(
            name=name,
            task_run_name=name,
            description=f"Step {step}. {function.__doc__}",
            cache_policy=NO_CACHE,
            persist_result=False,
        )
        return as_task(function)

    return decorate
