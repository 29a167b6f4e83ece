"""Real triggers of the tests' own, each a process that starts in a fifth of a second and may be killed."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.ports import free_port
from tests.waiting import eventually
from tests.world import Person

ROOT = Path(__file__).parents[2]
START_SECONDS = 120.0  # the first one waits for the imports
STOP_SECONDS = 120.0
ANSWER_SECONDS = 60.0


class Process:
    """One of ours, that may be killed."""

    def __init__(self, server: "Triggers", pid: int, log: Path) -> None:
        self._server, self.pid, self._log = server, pid, log
        self._status: int | None = None

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        if self._status is None:
            self._status = self._server.order(ended=self.pid)
        return self._status

    @property
    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """`kill -9`; returns once it is dead."""
        self._send(signal.SIGKILL)
        self.wait()

    def terminate(self) -> None:
        """SIGTERM: ask it to stop cleanly."""
        self._send(signal.SIGTERM)

    def wait(self, within: float = STOP_SECONDS) -> int:
        """Its exit status, once it has ended."""
        eventually(lambda: self.status is not None, within=within)
        assert self.status is not None
        return self.status

    def _send(self, number: signal.Signals) -> None:
        if self.status is None:  # its id is its own until the server has heard of its end
            os.kill(self.pid, number)


class Trigger(Process):
    """A running `cancelflow serve`."""

    def __init__(self, server: "Triggers", pid: int, log: Path, url: str) -> None:
        super().__init__(server, pid, log)
        self.url = url
        # Nothing is encrypted here, and reading the world's certificates would take as long as the fork.
        self.http = httpx.Client(base_url=url, timeout=ANSWER_SECONDS, verify=False)

    def post(self, person: Person, *, key: str | None = None, **body: Any) -> httpx.Response:
        """POST /cancel-subscription as this person; raises `httpx.TransportError` where the process dies meanwhile."""
        headers = {**person.headers, **({"Idempotency-Key": key} if key else {})}
        return self.http.post("/cancel-subscription", json={"user_id": person.user_id, **body}, headers=headers)

    def cancel(self, person: Person, *, key: str | None = None, **body: Any) -> httpx.Response:
        return self.post(person, key=key, **{"reason": "too_expensive", **body})

    def accept(self, person: Person, *, key: str | None = None, **body: Any) -> httpx.Response:
        return self.post(person, key=key, accept_offer=True, **body)

    def answers(self) -> bool:
        """Whether it serves; an AssertionError if it has ended."""
        assert self.status is None, self.log
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False


class Triggers:
    """Where they come from. Serves any number of threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._orders = threading.Lock()
        self._made = 0
        command = [sys.executable, "-m", "tests.faults.trigger_server"]
        with (directory / "trigger-server.log").open("wb") as log:
            self._server = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT
            )

    @contextmanager
    def started(self, **settings: str) -> Iterator[Trigger]:
        """`cancelflow serve` with the stack's settings and these; killed at the block's end, if it still runs."""
        trigger = self._start(settings)
        try:
            eventually(trigger.answers, within=START_SECONDS)
            yield trigger
        finally:
            trigger.kill()
            trigger.http.close()

    @contextmanager
    def handling(self, event_id: str, **settings: str) -> Iterator[Process]:
        """A run of `handle-stripe-event`, as a worker's; killed at the block's end, if it still runs."""
        log = self._next_log()
        started = {"environment": {**os.environ, **settings}, "log": str(log), "event_id": event_id}
        process = Process(self, self.order(start=started), log)
        try:
            yield process
        finally:
            process.kill()

    def order(self, **order: Any) -> Any:
        """Tell the server, and hear its answer."""
        stdin, stdout = self._server.stdin, self._server.stdout
        assert stdin
        assert stdout
        with self._orders:
            stdin.write(json.dumps(order) + "\n")
            stdin.flush()
            response = stdout.readline()
        assert response, (self._directory / "trigger-server.log").read_text()
        return json.loads(response)

    def close(self) -> None:
        """Leave no process."""
        self._server.communicate()

    def _start(self, settings: dict[str, str]) -> Trigger:
        log = self._next_log()
        port = free_port()
        environment = {**os.environ, **settings, "HTTP_PORT": str(port)}
        pid = self.order(start={"environment": environment, "log": str(log)})
        return Trigger(self, pid, log, f"http://127.0.0.1:{port}")

    def _next_log(self) -> Path:
        with self._orders:
            self._made += 1
            return self._directory / f"trigger-{self._made}.log"
