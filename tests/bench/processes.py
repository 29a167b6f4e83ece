"""Resources used by each part of the stack: processor time and memory, by process."""

import os
import time
from dataclasses import dataclass

import psutil

# The text that identifies a part's command line; the first match counts.
PARTS = {
    "bare handler": "tests.bench.bare",
    "trigger": "deployments.command_line serve",
    "simulator": "deployments.local.stripe_simulator",
    "Prefect server": "-m prefect server",
    "PostgreSQL": "bin/postgres -D",
}
QUIET_SHARE = 0.12  # of one core: what the idle server's own loops use
QUIET_SECONDS = 0.5


@dataclass(frozen=True)
class Used:
    """Seconds of processor time since a part started."""

    by_part: dict[str, float]

    def since(self, before: "Used", runs: int) -> dict[str, float]:
        """Return the milliseconds per run, by part."""
        return {
            part: (seconds - before.by_part[part]) * 1000 / runs
            for part, seconds in self.by_part.items()
            if part in before.by_part
        }


class Processes:
    """The processes of the stack that this process has started."""

    def __init__(self) -> None:
        self._roots: dict[str, psutil.Process] = {}
        for child in psutil.Process(os.getpid()).children(recursive=True):
            command = " ".join(child.cmdline())
            part = next((name for name, words in PARTS.items() if words in command), None)
            if part and part not in self._roots:
                self._roots[part] = child

    def used(self) -> Used:
        """Return the time used so far. PostgreSQL adds that of closed connections to their parent."""
        return Used({part: sum(map(_seconds, self._tree(part))) for part in self._roots})

    def megabytes(self) -> dict[str, float]:
        """Return resident memory, with shared pages divided among processes where the system reports it."""
        return {part: sum(map(_megabytes, self._tree(part))) for part in self._roots}

    def until_quiet(self, within: float) -> float:
        """Return the seconds until background work is done; `within` if it is not."""
        began = time.monotonic()
        while (waited := time.monotonic() - began) < within:
            before = sum(self.used().by_part.values())
            time.sleep(QUIET_SECONDS)
            if sum(self.used().by_part.values()) - before < QUIET_SHARE * QUIET_SECONDS:
                return waited
        return within

    def _tree(self, part: str) -> list[psutil.Process]:
        root = self._roots[part]
        return [root, *root.children(recursive=True)]


def _seconds(process: psutil.Process) -> float:
    try:
        used = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    ended = getattr(used, "children_user", 0.0) + getattr(used, "children_system", 0.0)
    return float(used.user + used.system + ended)


def _megabytes(process: psutil.Process) -> float:
    try:
        memory = process.memory_full_info()
    except psutil.Error:
        return 0.0
    return float(getattr(memory, "pss", memory.rss)) / 1e6
