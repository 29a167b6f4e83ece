"""Real processes for these tests, which end with them, and waiting for conditions."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until the condition is true; fail with its name otherwise."""
    try:
        eventually(condition, within=PATIENCE)
    except AssertionError:
        raise AssertionError(f"still waiting for {what}") from None


def accepts_connections(port: int) -> bool:
    """Return whether a server listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def running(module: str, *arguments: str | int | Path) -> Iterator[subprocess.Popen[str]]:
    """Run `python -m module …`, and stop it at the end."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    output = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=output, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=quiet()
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=PATIENCE)


def quiet() -> dict[str, str]:
    """Return the environment without settings that name services or ports."""
    ours = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "XDG_CACHE_HOME")
    return {name: os.environ[name] for name in ours if name in os.environ} | {"PYTHONDONTWRITEBYTECODE": "1"}


def lives(process: psutil.Process) -> bool:
    """Return whether it is running; a zombie is not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
