"""Separate real triggers, each a process that starts in a fifth of a second and may be killed."""

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
RESPONSE_SECONDS = 60.0


class Process:
    """A process that may be killed."""

    def __init__(self, server: "Triggers", pid: int, log: Path) -> None:
        self._server, self.pid, self._log = server, pid, log
        self._status: int | None = None

    @property
    def status(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        if self._status is None:
            self._status = self._server.order(ended=self.pid)
        return self._status

    @property
    def log(self) -> str:
        """Return its output."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """Send `kill -9`, and return when it is dead."""
        self._send(signal.SIGKILL)
        self.wait()

    def terminate(self) -> None:
        """Send SIGTERM, to stop it cleanly."""
        self._send(signal.SIGTERM)

    def wait(self, within: float = STOP_SECONDS) -> int:
        """Return its exit status when it has ended."""
        eventually(lambda: self.status is not None, within=within)
        assert self.status is not None
        return self.status

    def _send(self, number: signal.Signals) -> None:
        if self.status is None:  # its id cannot be reused before the server has reaped it
            os.kill(self.pid, number)


class Trigger(Process):
    """A running `cancelflow serve`."""

    def __init__(self, server: "Triggers", pid: int, log: Path, url: str) -> None:
        super().__init__(server, pid, log)
        self.url = url
        # The test server uses plain HTTP, and loading CA certificates would take as long as the fork.
        self.http = httpx.Client(base_url=url, timeout=RESPONSE_SECONDS, verify=False)

    def post(self, person: Person, *, key: str | None = None, **body: Any) -> httpx.Response:
        """Send POST /cancel-subscription as this person; raises `httpx.TransportError` if the process dies."""
        headers = {**person.headers, **({"Idempotency-Key": key} if key else {})}
        return self.http.post("/cancel-subscription", json={"user_id": person.user_id, **body}, headers=headers)

    def cancel(self, person: Person, *, key: str | None = None, **body: Any) -> httpx.Response:
        return self.post(person, key=key, **{"reason": "too_expensive", **body})

    def accept(self, person: Person, *, key: str | None = None, **body: Any) -> httpx.Response:
        return self.post(person, key=key, accept_offer=True, **body)

    def responds(self) -> bool:
        """Return whether it responds; raises AssertionError if it has ended."""
        assert self.status is None, self.log
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False


class Triggers:
    """Starts triggers; thread-safe."""

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
        """Run `cancelflow serve` with the stack's settings and these; kill it at the end of the block if running."""
        trigger = self._start(settings)
        try:
            eventually(trigger.responds, within=START_SECONDS)
            yield trigger
        finally:
            trigger.kill()
            trigger.http.close()

    @contextmanager
    def running(self, flow: str, about: str, **settings: str) -> Iterator[Process]:
        """Run a flow about this id like a worker; kill it at the end of the block if still running."""
        log = self._next_log()
        started = {"environment": {**os.environ, **settings}, "log": str(log), "run": (flow, about)}
        process = Process(self, self.order(start=started), log)
        try:
            yield process
        finally:
            process.kill()

    def order(self, **order: Any) -> Any:
        """Send an order to the server, and return its response."""
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
        """End all processes."""
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
