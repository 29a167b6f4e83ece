"""A watchdog that outlives a killed stack and stops the processes it left running.

Runs as a script with the standard library only, in its own session, and reads lines from the stack: `watch PID SIGNAL`,
`forget PID`. End of input means that the stack is gone, for whatever reason, including kill -9. This works on every
Unix and no matter which thread started a process; PR_SET_PDEATHSIG does neither (and `unshare` would clear it).
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

GRACE = 8.0  # seconds between asking a process to end and killing its group


def alive(pid: int) -> bool:
    """Return whether the process is running. A zombie does not count: init may never reap it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return not Path("/proc/self").exists()


def end(pid: int, ask: int) -> None:
    """Ask the process to end, wait up to `GRACE`, then kill what remains of its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, ask)
        deadline = time.monotonic() + GRACE
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(pid, signal.SIGKILL)


def main() -> None:
    """Read until the stack is gone, then remove the files given as arguments and stop the processes, newest first."""
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
