"""Files that a running stack writes for other programs, `stack.json` and `stack.env`, and the lock of its directory."""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from deployments.local.errors import AlreadyUp
from deployments.local.files import write_private
from deployments.local.guard import alive

PATIENCE = 30.0  # seconds for the guard of a killed stack to finish


def stack_files(directory: Path) -> list[Path]:
    """Return the files that exist while the stack is running."""
    return [directory / "stack.json", directory / "stack.env"]


def write_stack_files(directory: Path, addresses: Mapping[str, object], environment: Mapping[str, str]) -> None:
    """Write the stack's addresses and settings for other programs; `nodes.settings` reads the second file."""
    addresses_file, environment_file = stack_files(directory)
    lines = [f"{name}={_quoted(value)}\n" for name, value in environment.items()]
    write_private(environment_file, "".join(lines))
    write_private(addresses_file, json.dumps(addresses, indent=2) + "\n")


def remove_stack_files(directory: Path) -> None:
    """Remove the files of a stack that is no longer running."""
    for path in stack_files(directory):
        path.unlink(missing_ok=True)


def _quoted(value: str) -> str:
    """Quote a value for python-dotenv: single quotes preserve line breaks, dollars and hashes."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class StackLock:
    """A lock for one stack per directory. The guard holds it too, until the stack's last process has ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> None:
        """Lock the directory, waiting for a killed stack's guard; raises `AlreadyUp` while another stack is running."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + PATIENCE
        while not _locked(handle):
            owner = self._path.read_text().strip()
            if (owner.isdecimal() and alive(int(owner))) or time.monotonic() > deadline:
                os.close(handle)
                raise AlreadyUp(f"the stack in {self._path.parent} is already running (process {owner or 'unknown'})")
            time.sleep(0.1)
        os.truncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle

    @property
    def handle(self) -> int:
        """Return the locked file's descriptor, for the guard to hold."""
        if self._handle is None:
            raise RuntimeError("not locked")
        return self._handle

    def release(self) -> None:
        """Release the lock, so that another stack can start here."""
        if self._handle is not None:
            os.truncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
