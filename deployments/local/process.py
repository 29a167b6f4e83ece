"""The stack's processes: each leads its own process group, writes to a log, and is registered with the guard."""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import mirakuru.base
from mirakuru import HTTPExecutor, TCPExecutor
from mirakuru.base import ENV_UUID, Executor, SimpleExecutor
from mirakuru.exceptions import ProcessFinishedWithError

from deployments.local.files import private_directory

# mirakuru's own cleanup at exit kills every process whose marker merely contains our PID, even in another checkout.
atexit.unregister(mirakuru.base.cleanup_subprocesses)

STOP_GRACE = 10.0  # seconds between asking a process to end and killing it
STOP_POLL = 0.02  # seconds between checks whether it has ended
LOG_TAIL = 20  # lines of a log that a failure shows


class Guard:
    """The process that stops the others if this one is killed. Keeps `lock` locked until it has done so."""

    def __init__(self, lock: int, leftovers: list[Path]) -> None:
        script = Path(__file__).with_name("guard.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), *map(str, leftovers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock],
            start_new_session=True,
            cwd="/",
            text=True,
        )

    def watch(self, pid: int, ask: int) -> None:
        """Register a process group, and the signal that stops it."""
        self._tell(f"watch {pid} {int(ask)}")

    def forget(self, pid: int) -> None:
        """Unregister a process group that is gone."""
        self._tell(f"forget {pid}")

    def dismiss(self) -> None:
        """End the guard."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()

    def _tell(self, line: str) -> None:
        stdin = self._process.stdin
        if stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):  # the guard was killed; the stack works without it
            stdin.write(line + "\n")
            stdin.flush()


class Supervised(Executor):
    """A mirakuru executor that starts without waiting, so that several can become ready concurrently."""

    log: Path
    guard: Guard

    @property
    def envvars(self) -> dict[str, str]:
        """Return exactly the given environment, and mirakuru's marker."""
        return {**self._envvars, ENV_UUID: self._uuid}

    def launch(self, log: Path, guard: Guard) -> None:
        """Start the process; `after_start_check` then reports whether it is ready."""
        self.log, self.guard = log, guard
        self._sleep = STOP_POLL
        with open_log(log) as output:
            self._stdin, self._stdout, self._stderr = subprocess.DEVNULL, output, subprocess.STDOUT
            SimpleExecutor.start(self)
        if self.process is not None:
            guard.watch(self.process.pid, self._stop_signal)

    def end(self) -> None:
        """Ask the process to end, kill it after `STOP_GRACE`, then kill what remains of its group."""
        if self.process is None:
            return
        group = self.process.pid
        self._timeout = STOP_GRACE
        with contextlib.suppress(ProcessFinishedWithError):  # its exit code does not matter
            self.stop()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        self.guard.forget(group)


class HttpServer(Supervised, HTTPExecutor):
    """A server that is ready when its page responds."""


class TcpServer(Supervised, TCPExecutor):
    """A server that is ready when it accepts connections."""


class CheckedServer(Supervised, Executor):
    """A server that is ready when `ready` returns true."""

    def __init__(self, command: list[str], ready: Callable[[], bool], *, envvars: dict[str, str], ask: int) -> None:
        super().__init__(command, envvars=envvars, stop_signal=ask)
        self._ready = ready

    def after_start_check(self) -> bool:
        """Return the result of the check."""
        return self._ready()


class Command(Supervised, Executor):
    """A command that is ready when it has succeeded."""

    def after_start_check(self) -> bool:
        """Return whether it has succeeded."""
        return self.process is not None and self.process.poll() == 0


def open_log(path: Path) -> TextIO:
    """Open a new log, keeping the previous one beside it."""
    private_directory(path.parent)
    if path.exists():
        path.replace(path.with_suffix(".log.1"))
    return path.open("w", encoding="utf-8")


def log_tail(path: Path) -> str:
    """Return the last lines of a log, and its path."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join([f"  the end of {path}:", *(f"  | {line}" for line in lines[-LOG_TAIL:])])
