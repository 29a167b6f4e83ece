"""The whole stack: it publishes its addresses, is watched, and leaves nothing behind. Light parts only."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from dotenv import dotenv_values

from deployments.local.errors import PartFailed
from deployments.local.stack import Stack
from tests.local_stack.helpers import PATIENCE, ROOT, lives, quiet, wait_until
from tests.ports import free_port

pytestmark = pytest.mark.slow

LIGHT = "postgres,pubsub,inbox"
ADDRESSES = {
    "http", "prefect_ui", "prefect_api", "stripe", "pubsub", "smtp", "inbox", "database_url",
    "database_admin_url", "stripe_api_key", "google_cloud_project", "pubsub_topic", "pid", "cancel_page", "sdk_base",
    "shop", "calls",
}  # fmt: skip


class Supervisor:
    """A program with a stack in it, and every process under it."""

    def __init__(self, directory: Path, parts: str, more: Mapping[str, str]) -> None:
        self.directory = directory
        command = [sys.executable, "-m", "tests.local_stack.supervisor", str(directory), parts]
        both, output = subprocess.STDOUT, subprocess.PIPE
        self.process = subprocess.Popen(
            command, cwd=ROOT, env={**quiet(), **more}, stdout=output, stderr=both, text=True, start_new_session=True
        )

    def wait_until_up(self) -> dict[str, Any]:
        file = self.directory / "stack.json"
        wait_until(lambda: file.exists() or self.process.poll() is not None, "the stack")
        assert self.process.poll() is None, self.process.communicate()
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def under(self) -> list[psutil.Process]:
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found

    def part(self, name: str) -> psutil.Process:
        [found] = [child for child in self.under() if any(name in word for word in child.cmdline())]
        return found

    def ended(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, output


Supervise = Callable[..., Supervisor]


@pytest.fixture
def supervise() -> Iterator[Supervise]:
    started: list[Supervisor] = []

    def start(directory: Path, parts: str = LIGHT, **more: str) -> Supervisor:
        started.append(Supervisor(directory, parts, more))
        return started[-1]

    yield start
    for supervisor in started:
        if supervisor.process.poll() is None:
            supervisor.process.terminate()
            supervisor.ended()


@contextmanager
def nothing_left_of(supervisor: Supervisor) -> Iterator[None]:
    processes = supervisor.under()
    assert len(processes) > 3
    yield
    wait_until(lambda: not any(lives(process) for process in processes), "the parts to end")
    files = {path.name for path in supervisor.directory.iterdir()}
    assert not files & {"stack.json", "stack.env"}


def test_a_running_stack_publishes_its_addresses(tmp_path: Path) -> None:
    lines: list[str] = []
    with Stack(tmp_path, progress=lines.append, environment=quiet(), parts=["postgres"]) as stack:
        for name in ("stack.json", "stack.env"):
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        assert json.loads((tmp_path / "stack.json").read_text()) == stack.addresses
        assert dotenv_values(tmp_path / "stack.env") == stack.environment
        stack.check()
        with psycopg.connect(stack.environment["DATABASE_ADMIN_URL"]) as connection:
            assert connection.info.dbname == "cancelflow"
    assert set(stack.addresses) == ADDRESSES
    assert "PostgreSQL … ready in" in lines[0]
    assert not (tmp_path / "stack.json").exists()


def test_a_second_start_uses_the_same_addresses(tmp_path: Path) -> None:
    port = str(free_port())
    environments = []
    for more in ({"POSTGRES_PORT": port}, {}):
        with Stack(tmp_path, progress=lambda _: None, environment=quiet() | more, parts=["postgres"]) as stack:
            environments.append(stack.environment)
    assert environments[0] == environments[1]


def test_two_stacks_can_run_side_by_side_but_not_in_one_directory(tmp_path: Path, supervise: Supervise) -> None:
    first = supervise(tmp_path / "one", "inbox")
    addresses = first.wait_until_up()
    code, output = supervise(tmp_path / "one", "inbox").ended()
    assert code == 1
    assert f"AlreadyUp: the stack in {tmp_path / 'one'} is already running (process {first.process.pid})" in output
    assert first.wait_until_up() == addresses
    other = supervise(tmp_path / "two", "inbox").wait_until_up()
    assert other["inbox"] != addresses["inbox"]
    assert other["smtp"] != addresses["smtp"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_stops_everything(tmp_path: Path, supervise: Supervise, number: int, code: int) -> None:
    supervisor = supervise(tmp_path)
    supervisor.wait_until_up()
    with nothing_left_of(supervisor):
        supervisor.process.send_signal(number)
        ended, output = supervisor.ended()
    assert ended in (code, -number)
    assert "Everything is stopped" in output


def test_kill_9_leaves_no_process_and_the_next_start_finds_all_data(tmp_path: Path, supervise: Supervise) -> None:
    supervisor = supervise(tmp_path)
    before = supervisor.wait_until_up()
    with nothing_left_of(supervisor):
        supervisor.process.kill()
        supervisor.process.communicate()
        again = supervise(tmp_path)  # started immediately, so it waits until the old processes are stopped
    after = again.wait_until_up()
    assert after | {"pid": 0} == before | {"pid": 0}
    assert "database system was shut down" in (tmp_path / "logs" / "postgres.log").read_text()  # not crashed


def test_a_part_that_crashes_is_named_and_the_rest_is_stopped(tmp_path: Path, supervise: Supervise) -> None:
    supervisor = supervise(tmp_path)
    supervisor.wait_until_up()
    with nothing_left_of(supervisor):
        supervisor.part("pubsub_emulator").send_signal(signal.SIGKILL)
        code, output = supervisor.ended()
    assert code == 1
    assert "PartFailed: Pub/Sub emulator exited unexpectedly" in output


def test_a_part_that_cannot_start_is_named_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.local.parts.outside.module", lambda *_: [sys.executable, "-c", "1 / 0"])
    with pytest.raises(PartFailed, match="Inbox did not start: it exited") as failed:
        Stack(tmp_path, progress=lambda _: None, environment=quiet(), parts=["postgres", "inbox"]).start()
    assert "ZeroDivisionError" in str(failed.value)
    assert str(tmp_path / "logs" / "inbox.log") in str(failed.value)
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


def test_a_requested_port_that_is_busy_is_an_error(tmp_path: Path, supervise: Supervise) -> None:
    taken = supervise(tmp_path / "one", "inbox").wait_until_up()["smtp"].rpartition(":")[2]
    code, output = supervise(tmp_path / "two", "inbox", SMTP_PORT=taken).ended()
    assert code == 1
    assert f"PortBusy: port {taken} is in use on 127.0.0.1: set SMTP_PORT" in output


def test_parts_are_not_in_the_terminals_process_group(tmp_path: Path, supervise: Supervise) -> None:
    """Ctrl-C goes to a terminal's group: only the supervisor may get it, to stop the parts in order."""
    supervisor = supervise(tmp_path, "inbox")
    supervisor.wait_until_up()
    own = os.getpgid(supervisor.process.pid)
    assert own not in {os.getpgid(child.pid) for child in supervisor.under()}
