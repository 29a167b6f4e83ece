"""A separate trigger for a test: the same product with other settings."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.ports import free_port
from tests.waiting import eventually

START_SECONDS = 120.0
STOP_SECONDS = 120.0


@contextmanager
def serving(directory: Path, **settings: str) -> Iterator[httpx.Client]:
    """Run `cancelflow serve` with the stack's settings and these; stop it like Ctrl-C at the end of the block."""
    port = free_port()
    environment = {**os.environ, **settings, "HTTP_PORT": str(port)}
    command = [sys.executable, "-m", "deployments.command_line", "serve"]
    with (
        (directory / f"trigger-{port}.log").open("wb") as log,
        subprocess.Popen(command, env=environment, cwd=directory, stdout=log, stderr=log) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        try:
            eventually(lambda: process.poll() is not None or _responds(client), within=START_SECONDS)
            assert process.poll() is None, Path(log.name).read_text()
            yield client
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _responds(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
