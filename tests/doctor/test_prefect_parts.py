"""Prefect: the stack's server, an empty one, and servers that are not a compatible Prefect."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from mirakuru import HTTPExecutor

from deployments.doctor.finding import Level
from tests.doctor.conftest import assert_bad, assert_ok, found
from tests.http.key_sets import provider
from tests.nodes.clients.smtp_servers import black_hole
from tests.ports import free_port
from tests.test_architecture import DEPLOYMENTS
from tests.world import World

pytestmark = pytest.mark.slow

CHECKS = ("version", "settings", "work pool", "worker", "deployments")


@pytest.fixture(scope="module")
def empty(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the API of a server with Prefect's own settings and no deployments."""
    assert world.prefect
    port = free_port()
    own = {"PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")} | own
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    health = f"http://127.0.0.1:{port}/api/health"
    server = HTTPExecutor(command, health, method="GET", timeout=180, envvars=environment)
    server.start()
    try:
        yield f"http://127.0.0.1:{port}/api"
    finally:
        server.stop(stop_signal=signal.SIGTERM)


def test_a_correct_server_passes(world: World) -> None:
    assert world.prefect
    findings = found("Prefect")
    assert_ok(findings, *CHECKS)
    scheduled = sum("schedules" in each for each in DEPLOYMENTS)
    assert findings["deployments"].found == (
        f"all {len(DEPLOYMENTS)} registered, {scheduled} of them on an active schedule"
    )


def test_an_empty_server_fails(empty: str) -> None:
    findings = found("Prefect", PREFECT_API_URL=empty)
    assert findings["version"].level is Level.OK
    assert_bad(findings["settings"], Level.WARNING, "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED=events,flow_runs")
    assert len(findings["settings"].found.splitlines()) == 5
    assert_bad(findings["work pool"], Level.FAILED, "there is no pool cancelflow")
    assert_bad(findings["deployments"], Level.FAILED, "cancel-subscription is not registered")
    assert len(findings["deployments"].found.splitlines()) == len(DEPLOYMENTS)


def test_a_pool_without_a_worker_or_paused_fails(empty: str) -> None:
    with httpx.Client(base_url=empty, trust_env=False, timeout=60) as server:
        server.post("/work_pools/", json={"name": "cancelflow", "type": "process"}).raise_for_status()
        without = found("Prefect", PREFECT_API_URL=empty)
        server.patch("/work_pools/cancelflow", json={"is_paused": True}).raise_for_status()
        paused = found("Prefect", PREFECT_API_URL=empty)
        server.delete("/work_pools/cancelflow").raise_for_status()
    assert without["work pool"].level is Level.OK
    assert_bad(without["worker"], Level.FAILED, "none is online")
    assert_bad(paused["work pool"], Level.FAILED, "cancelflow is paused")


@contextmanager
def changed(world: World, path: str, change: dict[str, bool]) -> Iterator[None]:
    """Change a deployment of the stack for the block."""
    world.prefect.patch(path, json=change).raise_for_status()
    try:
        yield
    finally:
        world.prefect.patch(path, json={name: not value for name, value in change.items()}).raise_for_status()


def test_a_paused_deployment_fails(world: World) -> None:
    deployment = world.prefect.get("/deployments/name/prune-history/prune-history").json()
    with changed(world, f"/deployments/{deployment['id']}", {"paused": True}):
        finding = found("Prefect")["deployments"]
    assert_bad(finding, Level.FAILED, "prune-history is paused")
    assert len(finding.found.splitlines()) == 1


def test_an_inactive_schedule_fails(world: World) -> None:
    deployment = world.prefect.get("/deployments/name/prune-history/prune-history").json()
    [schedule] = deployment["schedules"]
    with changed(world, f"/deployments/{deployment['id']}/schedules/{schedule['id']}", {"active": False}):
        finding = found("Prefect")["deployments"]
    assert_bad(finding, Level.FAILED, "prune-history has no active schedule")
    assert_ok(found("Prefect"), *CHECKS)


def test_another_version_and_another_server_fail() -> None:
    """No old server is available: the fake one only answers the version request."""
    with provider() as server:
        server.response = "2.20.1"
        findings = found("Prefect", PREFECT_API_URL=server.url.replace("/keys", "/api"))
    assert_bad(findings["version"], Level.FAILED, "the server is 2.20.1")
    assert_bad(findings["response"], Level.FAILED, "PREFECT_API_URL leads to no Prefect server")


def test_an_unreachable_server_fails(world: World) -> None:
    assert world.prefect
    findings = found("Prefect", PREFECT_API_URL=f"http://127.0.0.1:{free_port()}/api")
    assert_bad(findings["response"], Level.FAILED, "leads to no Prefect server (ConnectError)")


def test_a_server_that_never_responds_fails(world: World) -> None:
    assert world.prefect
    with black_hole() as port:
        findings = found("Prefect", PREFECT_API_URL=f"http://127.0.0.1:{port}/api")
    assert_bad(findings["response"], Level.FAILED, "none within 15 s")
