"""What a running stack leaves for other programs, `stack.json` and `stack.env`, and the lock of its directory."""

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
    """Return the files that are there while the stack runs."""
    return [directory / "stack.json", directory / "stack.env"]


def write_stack_files(directory: Path, addresses: Mapping[str, object], environment: Mapping[str, str]) -> None:
    """Tell other programs where everything is; `nodes.settings` reads the second file."""
    addresses_file, environment_file = stack_files(directory)
    lines = [f"{name}={_quoted(value)}\n" for name, value in environment.items()]
    write_private(environment_file, "".join(lines))
    write_private(addresses_file, json.dumps(addresses, indent=2) + "\n")


def remove_stack_files(directory: Path) -> None:
    """The stack is not there any more."""
    for path in stack_files(directory):
        path.unlink(missing_ok=True)


def _quoted(value: str) -> str:
    """As python-dotenv reads it: single quotes keep line breaks, dollars and hashes."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class StackLock:
    """One stack a directory. Its guard holds the lock too, so that it ends only with the last process of a stack."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> None:
        """Raises `AlreadyUp` while another stack lives; waits for what a killed one left behind to be stopped."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + PATIENCE
        while not _locked(handle):
            owner = self._path.read_text().strip()
            if (owner.isdecimal() and alive(int(owner))) or time.monotonic() > deadline:
                os.close(handle)
                raise AlreadyUp(f"the stack in {self._path.parent} is up already (process {owner or 'unknown'})")
            time.sleep(0.1)
        os.truncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle

    @property
    def handle(self) -> int:
        """The locked file, for the guard to hold."""
        if self._handle is None:
            raise RuntimeError("not locked")
        return self._handle

    def release(self) -> None:
        """Let another stack start here."""
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
