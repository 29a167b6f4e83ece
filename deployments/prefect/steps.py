"""A step that is over at once is told to Prefect's server once, when it has ended.

Prefect's engine tells of each task run three times, as pending, running and ended, and writes its end to the log as
well. Each telling has the whole of it: most of what the server has to do for a run would say what is no longer so when
somebody reads it.
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

# A step that is still under way by then is shown as running.
SHOWN_AFTER_SECONDS = 0.5
_Tell = Callable[..., Event | None]
# Prefect has no setting for either. A release that does it otherwise fails tests/http/test_shown_runs.py, and tells of
# each state as before.
_ENGINE_TELLS = "emit_task_run_state_change_event"
# Lines of the engine's own that a run's page says anyway, by log; and that no result is kept, which none is to be
# (nodes/runs/fallback.py): the engine offers that of a run that failed to a place for results, whatever the flow says.
_SAID_ANYWAY = {
    "prefect.flow_runs": ("Beginning flow run", "View at ", "Failed to write result"),
    "prefect.task_runs": ("Finished in state Completed",),
}


@contextmanager
def reported_once() -> Iterator[None]:
    """For the tasks that run in this process, inside this block."""
    as_ever: _Tell | None = getattr(task_engine, _ENGINE_TELLS, None)
    if as_ever is None:
        log.warning("this Prefect tells of its steps in another way: each is told of three times")
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
    """The engine's own telling, without what will be overtaken in a moment."""

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
        elif initial_state is None:  # pending, and begun in the same breath
            return None
        elif validated_state.is_running() and task_run.run_count == 1:
            self._running[task_run.id] = asyncio.get_running_loop().call_later(
                SHOWN_AFTER_SECONDS, self._as_ever, task_run, initial_state, validated_state
            )
            return None
        return self._as_ever(task_run, initial_state, validated_state, follows)
