"""Run a flow with Prefect or, while its server is unavailable, as plain functions."""

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

# Prefect begins a run in 0.1 s, or in 2 s under full load. A server that hangs must leave the customer's work most of
# its 8 s.
BEGIN_SECONDS = 3.0
# The work is done by then, but Prefect's client retries its last report for minutes while the server is unavailable.
END_SECONDS = 5.0
# After a failure, runs don't try Prefect for this time.
AWAY_SECONDS = 10.0


class _Body:
    """The progress of the flow's own function, independent of Prefect's engine around it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.given_up = False


class _Server:
    """A circuit breaker: a server that just failed is not called for a while."""

    def __init__(self) -> None:
        self._away_until = 0.0

    def failed(self) -> None:
        self._away_until = asyncio.get_running_loop().time() + AWAY_SECONDS

    @property
    def away(self) -> bool:
        return asyncio.get_running_loop().time() < self._away_until


_body: ContextVar[_Body | None] = ContextVar("body", default=None)
_server = _Server()
# Strong references, because the loop keeps none to a task that isn't awaited.
_ending: set[asyncio.Future[Any]] = set()


def server_is_away() -> None:
    """Run without Prefect for a while, because its server doesn't accept reports."""
    _server.failed()


class Nowhere(WritableFileSystem):
    """A result storage that stores nothing."""

    async def read_path(self, path: str) -> bytes:
        """Raise FileNotFoundError: nothing is stored."""
        raise FileNotFoundError(path)

    async def write_path(self, path: str, content: bytes) -> None:
        """Raise PermissionError: no flow or node persists its result (SPEC, Decided 9)."""
        raise PermissionError(path)


_nowhere = Nowhere()


class GivenUp(CancelflowError):
    """Prefect began this run too late: its work runs without Prefect, so this run must do nothing."""


@contextmanager
def flow_body() -> Iterator[None]:
    """Surround the whole of a flow's function, to report its start and its end to `run_flow`."""
    body = _body.get()
    if body is None:  # started by a worker, or without Prefect
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
    """Run the flow until its function has ended. Errors are logged by type; the run and the row have the details."""
    _as_it_is_run_here(flow)
    shown = cast("_Function[P]", flow)
    try:
        if not uses_prefect() or _server.away or not await _shown(shown(*args, **kwargs)):
            await _run_without_prefect(cast("_Function[P]", flow.fn)(*args, **kwargs))
    except Exception as error:  # only its type, because a message may quote personal data
        log.warning("a run of %s failed: %s", flow.name, type(error).__name__)


def _as_it_is_run_here(flow: Flow[P, Any]) -> None:
    """Skip Prefect's result-storage lookup and parameter validation, which block every other run of the process."""
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
            log.warning("a run continues without Prefect: its server is unavailable or slow (%s)", _failure_of(running))
            return False
        await _first_of(running, body.ended, None)
        await asyncio.wait({running}, timeout=END_SECONDS)
        if not running.done():
            _server.failed()
            log.warning("the end of a run is not reported yet: the Prefect server is unavailable or slow")
            return True
    finally:
        if not running.done():
            if not body.ended.is_set():
                running.cancel()
            # Only Prefect's report of the end remains, which it retries for two minutes.
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
        running.exception()  # or asyncio logs that it was never retrieved


def _failure_of(running: "asyncio.Future[Any]") -> str:
    error = running.exception() if running.done() and not running.cancelled() else None
    return type(error).__name__ if error else "timeout"
