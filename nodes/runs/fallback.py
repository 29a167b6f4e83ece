"""Runs a flow so that Prefect shows it; where its server is away, the same nodes run as plain functions."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, cast

from prefect import Flow
from prefect.filesystems import WritableFileSystem

from nodes.errors import CancelflowError
from nodes.node import uses_prefect, without_prefect

log = logging.getLogger(__name__)

P = ParamSpec("P")
_Function = Callable[P, Coroutine[Any, Any, object]]

# Prefect begins a run in a tenth of a second, or in two when every place is taken. A server that hangs must leave the
# customer's own work most of their 8 s.
BEGIN_SECONDS = 3.0
# The work is done by then; Prefect's client repeats its last report for minutes while the server is away.
END_SECONDS = 5.0
# After a failure the next runs do not even ask, for as long.
AWAY_SECONDS = 10.0


class _Body:
    """How far the flow's own function has come, whatever Prefect's engine does around it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.given_up = False


class _Server:
    """A circuit breaker: a server that just failed is not asked again for a while."""

    def __init__(self) -> None:
        self._away_until = 0.0

    def failed(self) -> None:
        self._away_until = asyncio.get_running_loop().time() + AWAY_SECONDS

    @property
    def away(self) -> bool:
        return asyncio.get_running_loop().time() < self._away_until


_body: ContextVar[_Body | None] = ContextVar("body", default=None)
_server = _Server()
# The loop itself would forget a task that nobody awaits.
_ending: set[asyncio.Future[Any]] = set()


def server_is_away() -> None:
    """Begin no run with Prefect for a while: its server does not take what the last ones report."""
    _server.failed()


class Nowhere(WritableFileSystem):
    """Where results are kept: none is."""

    async def read_path(self, path: str) -> bytes:
        """Nothing is there."""
        raise FileNotFoundError(path)

    async def write_path(self, path: str, content: bytes) -> None:
        """Nothing may be: no flow and no node persists what it returns (SPEC, Decided 9)."""
        raise PermissionError(path)


_nowhere = Nowhere()


class GivenUp(CancelflowError):
    """Prefect began this run too late: it is carried out elsewhere, and this one must do nothing."""


@contextmanager
def flow_body() -> Iterator[None]:
    """Surround the whole of a flow's function: from its start on the work is under way, and by its end it is done."""
    body = _body.get()
    if body is None:  # started by a worker, which has nothing to fall back on
        yield
        return
    if body.given_up:
        raise GivenUp
    body.begun.set()
    try:
        yield
    finally:
        body.ended.set()


async def run_flow(flow: Flow[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
    """Run the flow to the end of its function. Its errors are logged by kind: the run and the record say the rest."""
    _as_it_is_run_here(flow)
    shown = cast("_Function[P]", flow)
    try:
        if not uses_prefect() or _server.away or not await _shown(shown(*args, **kwargs)):
            await _run_without_prefect(cast("_Function[P]", flow.fn)(*args, **kwargs))
    except Exception as error:  # its message may quote what another library was given
        log.warning("a run of %s failed: %s", flow.name, type(error).__name__)


def _as_it_is_run_here(flow: Flow[P, Any]) -> None:
    """What Prefect would do for each run, while every other waits: look for a place for results, of which none is kept,
    and build a model to check parameters by, which here have their types.
    """
    flow.result_storage = flow.result_storage or _nowhere
    flow.should_validate_parameters = False


async def _run_without_prefect(function: Coroutine[Any, Any, object]) -> None:
    token = _body.set(None)
    try:
        with without_prefect():
            await function
    finally:
        _body.reset(token)


async def _shown(run: Coroutine[Any, Any, object]) -> bool:
    """Return whether Prefect began the run; if so, its function has ended when this returns."""
    body = _Body()
    token = _body.set(body)
    try:
        running = asyncio.ensure_future(run)
    finally:
        _body.reset(token)
    try:
        await _first_of(running, body.begun, BEGIN_SECONDS)
        if not body.begun.is_set():
            body.given_up = True
            _server.failed()
            log.warning("a run is not shown: the Prefect server is away or slow (%s)", _failure_of(running))
            return False
        await _first_of(running, body.ended, None)
        await asyncio.wait({running}, timeout=END_SECONDS)
        if not running.done():
            _server.failed()
            log.warning("the end of a run is not shown yet: the Prefect server is away or slow")
            return True
    finally:
        if not running.done():
            if not body.ended.is_set():
                running.cancel()
            # What is left is Prefect's own report of the end, which it repeats for two minutes.
            _ending.add(running)
            running.add_done_callback(_forget)
    running.result()
    return True


async def _first_of(running: "asyncio.Future[Any]", event: asyncio.Event, seconds: float | None) -> None:
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({running, waiting}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def _forget(running: "asyncio.Future[Any]") -> None:
    _ending.discard(running)
    if not running.cancelled():
        running.exception()  # or asyncio complains that nobody asked


def _failure_of(running: "asyncio.Future[Any]") -> str:
    error = running.exception() if running.done() and not running.cancelled() else None
    return type(error).__name__ if error else "no answer in time"
