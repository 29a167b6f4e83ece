"""Outlives a stack that was killed, and stops the processes which that stack could no longer stop.

Runs as a script with the standard library only, in a session of its own, and reads lines from the stack: `watch PID
SIGNAL`, `forget PID`. The end of the input means that the stack is gone, whatever ended it, kill -9 included. Works on
every Unix and whichever thread started a process, where PR_SET_PDEATHSIG does neither (and `unshare` would clear it).
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

GRACE = 8.0  # seconds between asking a process to end and killing its group


def alive(pid: int) -> bool:
    """Return whether the process runs; one that ended and waits to be reaped, by an init that never reaps, does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return not Path("/proc/self").exists()


def end(pid: int, ask: int) -> None:
    """Ask the process to end, wait for a while, then kill what is left of its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, ask)
        deadline = time.monotonic() + GRACE
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(pid, signal.SIGKILL)


def main() -> None:
    """Read until the stack is gone; then stop the rest, the newest first, and remove the files named as arguments."""
    for deaf in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(deaf, signal.SIG_IGN)
    watched: dict[int, int] = {}
    for line in sys.stdin:
        match line.split():
            case ["watch", pid, ask]:
                watched[int(pid)] = int(ask)
            case ["forget", pid]:
                watched.pop(int(pid), None)
    for path in sys.argv[1:]:
        Path(path).unlink(missing_ok=True)
    for pid, ask in reversed(watched.items()):
        end(pid, ask)


if __name__ == "__main__":
    main()
