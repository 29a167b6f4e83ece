"""Reports a short step to Prefect's server only once, when it has ended.

Prefect's engine reports each task run three times, as pending, running and ended, each time in full, and logs its end.
Most of the server's work for a run would be states that are outdated before anyone reads them.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect import task_engine
from prefect.client.schemas.objects import State, TaskRun
from prefect.events.schemas.events import Event

log = logging.getLogger(__name__)

# A step that takes longer is reported as running.
SHOWN_AFTER_SECONDS = 0.5
_Tell = Callable[..., Event | None]
# Internals of Prefect, as it has no setting for this. With a release that changes them, tests/http/test_shown_runs.py
# fails, and each state is reported.
_ENGINE_TELLS = "emit_task_run_state_change_event"
# The engine's own log lines, by logger, that repeat what the run's page shows; and its complaint that a failed run's
# result was not stored, which is intended (nodes/runs/fallback.py).
_SAID_ANYWAY = {
    "prefect.flow_runs": ("Beginning flow run", "View at ", "Failed to write result"),
    "prefect.task_runs": ("Finished in state Completed",),
}


@contextmanager
def reported_once() -> Iterator[None]:
    """Report the tasks of this process once each, inside the block."""
    as_ever: _Tell | None = getattr(task_engine, _ENGINE_TELLS, None)
    if as_ever is None:
        log.warning("unknown Prefect internals: each step is reported three times")
        yield
        return
    setattr(task_engine, _ENGINE_TELLS, _Telling(as_ever))
    for each in _SAID_ANYWAY:
        logging.getLogger(each).addFilter(_says_more)
    try:
        yield
    finally:
        for each in _SAID_ANYWAY:
            logging.getLogger(each).removeFilter(_says_more)
        setattr(task_engine, _ENGINE_TELLS, as_ever)


def _says_more(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_SAID_ANYWAY.get(record.name, ()))


class _Telling:
    """A wrapper of the engine's reporting function that leaves out states that end quickly."""

    def __init__(self, as_ever: _Tell) -> None:
        self._as_ever = as_ever
        self._running: dict[UUID, asyncio.TimerHandle] = {}

    def __call__(
        self,
        task_run: TaskRun,
        initial_state: State[Any] | None,
        validated_state: State[Any],
        follows: Event | None = None,
    ) -> Event | None:
        if validated_state.is_final():
            if waiting := self._running.pop(task_run.id, None):
                waiting.cancel()
        elif initial_state is None:  # pending, which is followed by running immediately
            return None
        elif validated_state.is_running() and task_run.run_count == 1:
            self._running[task_run.id] = asyncio.get_running_loop().call_later(
                SHOWN_AFTER_SECONDS, self._as_ever, task_run, initial_state, validated_state
            )
            return None
        return self._as_ever(task_run, initial_state, validated_state, follows)
