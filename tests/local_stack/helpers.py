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
    """Look again and again; fail, naming it, when it does not come true."""
    try:
        eventually(condition, within=PATIENCE)
    except AssertionError:
        raise AssertionError(f"still waiting for {what}") from None


def accepts_connections(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def running(module: str, *arguments: str | int | Path) -> Iterator[subprocess.Popen[str]]:
    """`python -m module …`, stopped at the end."""
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
    """The environment without what would name an outside part or a port."""
    ours = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "XDG_CACHE_HOME")
    return {name: os.environ[name] for name in ours if name in os.environ} | {"PYTHONDONTWRITEBYTECODE": "1"}


def lives(process: psutil.Process) -> bool:
    """Whether it runs; one that waits to be reaped does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
