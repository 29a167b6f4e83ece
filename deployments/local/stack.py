"""The embedded stack: every part on one machine, started, watched and stopped together."""

import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Self

from deployments.local.errors import PartFailed
from deployments.local.files import private_directory
from deployments.local.parts.database import plan_postgres, plan_prefect
from deployments.local.parts.outside import plan_calls, plan_mail, plan_pubsub, plan_stripe
from deployments.local.parts.product import plan_own_settings, plan_product, plan_trigger_address
from deployments.local.planned import START_TIMEOUT, Part, PlannedStack
from deployments.local.ports import Ports
from deployments.local.process import Guard, Supervised, log_tail
from deployments.local.stack_files import StackLock, remove_stack_files, stack_files, write_stack_files

# Every part, by the name used in `parts`.
PARTS = ("postgres", "prefect", "stripe", "pubsub", "inbox", "calls", "migrations", "deployments", "worker", "trigger")
# A cancellation runs in the trigger. A worker and its deployments are for runs that an operator or a schedule starts.
FOR_A_CANCELLATION = tuple(part for part in PARTS if part not in ("deployments", "worker"))
POLL = 0.03  # seconds between checks of the parts that are starting
WATCH = 0.3  # seconds between checks of the running parts
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

Progress = Callable[[str], None]


class Stack:
    """The embedded stack in `directory`; `with Stack(…) as stack:` starts and stops it.

    `parts` selects names from PARTS. Services that the environment names are not started. Inside `with`, SIGTERM and
    SIGHUP end the program as Ctrl-C does, parts first; after kill -9 the guard stops them.
    """

    def __init__(
        self,
        directory: Path,
        *,
        progress: Progress = print,
        environment: Mapping[str, str] = os.environ,
        parts: Collection[str] = PARTS,
    ) -> None:
        self._directory = directory.resolve()
        self._progress = progress
        self._given = environment
        self._wanted = parts
        self._ports = Ports(self._directory / "ports.json", environment)
        self._lock = StackLock(self._directory / "stack.lock")
        self._guard: Guard | None = None
        self._plan: PlannedStack | None = None
        self._running: dict[str, tuple[Part, Supervised]] = {}
        self._undo = ExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings with which the product and its commands reach this stack; empty before `start`."""
        return dict(self._plan.environment) if self._plan else {}

    @property
    def addresses(self) -> dict[str, str | int | None]:
        """Return the contents of `stack.json`; None for what neither the stack nor the environment provides."""
        return {**(self._plan.addresses if self._plan else {}), "pid": os.getpid()}

    @property
    def directory(self) -> Path:
        """Return the directory that holds the stack's data."""
        return self._directory

    def start(self) -> None:
        """Start every part; if one fails, stop the others and raise a `StackError`."""
        private_directory(self._directory)
        self._lock.acquire()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop every part, newest first. This takes seconds; a second Ctrl-C does not interrupt it."""
        with _signals(signal.SIG_IGN, signal.SIGINT, *ENDING_SIGNALS):
            began = time.monotonic()
            remove_stack_files(self._directory)
            for _, process in reversed(self._running.values()):
                process.end()
            if self._running:
                self._progress(f"Everything is stopped after {time.monotonic() - began:.1f} s")
            self._running.clear()
            if self._guard:
                self._guard.dismiss()
                self._guard = None
            self._ports.release()
            self._lock.release()

    def check(self) -> None:
        """Raise `PartFailed` if a part has exited."""
        for part, process in self._running.values():
            if not process.running():
                raise PartFailed(part.title, "exited unexpectedly", log_tail(process.log))

    def wait(self) -> None:
        """Watch the parts until Ctrl-C or a signal; raises `PartFailed` if one exits."""
        while True:
            self.check()
            time.sleep(WATCH)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.enter_context(_signals(_leave, *ENDING_SIGNALS))
            # A shell starts background jobs with SIGINT ignored; the stack must still end on SIGINT.
            undo.enter_context(_signals(signal.default_int_handler, signal.SIGINT))
            self.start()
            undo.callback(self.stop)
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _start(self) -> None:
        began = time.monotonic()
        remove_stack_files(self._directory)
        self._guard = Guard(self._lock.handle, stack_files(self._directory))
        self._plan = plan(self._directory, self._given, self._ports, self._wanted)
        self._start_parts({part.name: part for part in self._plan.parts}, self._guard)
        self._ports.remember()
        write_stack_files(self._directory, self.addresses, self.environment)
        self._progress(f"Everything is ready after {time.monotonic() - began:.1f} s")

    def _start_parts(self, waiting: dict[str, Part], guard: Guard) -> None:
        """Start each part as soon as the parts it needs are ready, all from this thread, which never blocks long."""
        starting: dict[str, float] = {}
        while waiting or starting:
            for part in [each for each in waiting.values() if not each.needs & (waiting.keys() | starting.keys())]:
                del waiting[part.name]
                starting[part.name] = time.monotonic()
                self._launch(part, guard)
            for name, since in list(starting.items()):
                if self._is_ready(*self._running[name], since):
                    del starting[name]
            self.check()
            time.sleep(POLL)

    def _launch(self, part: Part, guard: Guard) -> None:
        part.prepare()
        process = part.process()
        self._running[part.name] = (part, process)
        process.launch(self._directory / "logs" / f"{part.name}.log", guard)

    def _is_ready(self, part: Part, process: Supervised, since: float) -> bool:
        took = time.monotonic() - since
        if process.after_start_check():
            self._ready(part, process, since)
            return True
        if not process.running():
            raise PartFailed(part.title, "did not start: it exited", log_tail(process.log))
        if took > START_TIMEOUT:
            raise PartFailed(part.title, f"was not ready within {START_TIMEOUT:.0f} s", log_tail(process.log))
        return False

    def _ready(self, part: Part, process: Supervised, since: float) -> None:
        if not part.address:  # a finished command, whose PID may soon be reused
            process.end()
            del self._running[part.name]
        part.finish()
        took = time.monotonic() - since
        outcome = f"ready in {took:.1f} s at {part.address}" if part.address else f"done in {took:.1f} s"
        self._progress(f"{part.title} … {outcome}")


def plan(directory: Path, environment: Mapping[str, str], ports: Ports, wanted: Collection[str]) -> PlannedStack:
    """Determine every address, setting and part, without starting anything."""
    stack = PlannedStack(directory, environment, ports, wanted)
    postgres = plan_postgres(stack)
    plan_prefect(stack, postgres)
    for step in (plan_trigger_address, plan_stripe, plan_pubsub, plan_mail, plan_calls, plan_own_settings):
        step(stack)
    plan_product(stack, postgres)
    return stack


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


@contextmanager
def _signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers, *numbers: int) -> Iterator[None]:
    """Handle these signals temporarily; outside the main thread, where Python forbids it, leave them unchanged."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
