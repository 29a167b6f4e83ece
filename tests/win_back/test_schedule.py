"""The flow as a Prefect deployment: when it runs, and what an operator sees who starts it."""

import uuid

import pytest

from deployments.operations.feedback_tags import put
from nodes.settings import DatabaseSettings, load
from tests.deletion.runs import deployment, ended, started
from tests.deletion.test_schedules import artifacts
from tests.world import World

pytestmark = pytest.mark.slow


def test_the_schedule_writes_each_hour_and_a_run_started_by_an_operator_is_a_dry_run(world: World) -> None:
    found = deployment(world, "win-back")
    [schedule] = found["schedules"]
    assert (schedule["schedule"]["interval"], schedule["parameters"]) == (3600, {"dry_run": False})
    assert found["parameters"] == {"tag": None, "dry_run": True}
    assert found["global_concurrency_limit"]["limit"] == 1


def test_an_operator_sees_counts_and_nothing_personal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "DATABASE_ADMIN_URL"):  # the worker's, and not the company's of this package
        monkeypatch.setenv(name, world.addresses[name.lower()])
    person, tag = world.person("professional"), f"t{uuid.uuid4().hex}"
    response = world.cancel(person, reason="missing_features", feedback="Without SSO we can't use it")
    put(load(DatabaseSettings), uuid.UUID(world.request_id(response)), tag, "operator")

    run = ended(world, started(world, "win-back", tag=tag))

    assert run["state"]["message"] == "would write to 0 customers; not to 1"
    shown = artifacts(world, run["id"])
    assert shown["win-back-progress"]["data"] == 100.0
    assert "| no_consent | 1 |" in shown["win-back"]["data"]
    for personal in (person.email, person.user_id, "Without SSO"):
        assert personal not in f"{run} {shown}"
