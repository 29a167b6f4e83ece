"""The scheduled flows as Prefect deployments: when they run, what operators see, and missed nights."""

from datetime import timedelta

import pytest

from tests.deletion.former_customers import former_customer
from tests.deletion.runs import deployment, ended, started
from tests.world import Row, World

pytestmark = pytest.mark.slow

CRONS = {
    "anonymize-feedback": "10 2 * * *",
    "notify-before-deletion": "25 2 * * *",
    "delete-expired-data": "40 2 * * *",
    "prune-history": "55 2 * * *",
}


def artifacts(world: World, run_id: str) -> dict[str, Row]:
    """Return the run's artifacts by key."""
    wanted = {"artifacts": {"flow_run_id": {"any_": [run_id]}}}
    return {found["key"]: found for found in world.prefect.post("/artifacts/filter", json=wanted).json()}


@pytest.mark.parametrize("name", CRONS)
def test_each_flow_runs_nightly_one_at_a_time_and_has_a_description(world: World, name: str) -> None:
    found = deployment(world, name)
    [schedule] = found["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == (CRONS[name], "UTC")
    assert schedule["active"]
    assert found["global_concurrency_limit"]["limit"] == 1
    assert found["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert set(found["tags"]) == {"cancelflow", "scheduled"}
    assert found["description"]
    assert "\n" not in found["description"]


def test_the_schedule_deletes_and_a_run_started_by_an_operator_is_a_dry_run(world: World) -> None:
    found = deployment(world, "delete-expired-data")
    assert found["parameters"] == {"dry_run": True}
    assert found["schedules"][0]["parameters"] == {"dry_run": False}


def test_an_operator_sees_which_users_would_be_deleted_and_nothing_changes(world: World) -> None:
    person, _ = former_customer(world, days_ago=91, feedback="said once")
    before = world.belongings(person.user_id)

    run = ended(world, started(world, "delete-expired-data"))

    assert run["state"]["name"] == "Completed"
    assert run["state"]["message"].startswith("would delete ")
    assert world.belongings(person.user_id) == before
    shown = artifacts(world, run["id"])
    assert shown["delete-expired-data-progress"]["data"] == 100.0
    summary = shown["delete-expired-data"]["data"]
    assert person.user_id in summary
    assert "| cancellation_reasons | " in summary
    assert "Art. 17(3)(b)" in summary
    for personal in (person.email, "said once"):
        assert personal not in summary


def test_the_deletion_record_names_its_run(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)

    run = ended(world, started(world, "delete-expired-data", dry_run=False))

    assert run["state"]["message"].startswith("deleted ")
    [record] = world.belongings(person.user_id)["data_deletions"]
    assert str(record["flow_run_id"]) == run["id"]
    assert person.user_id not in artifacts(world, run["id"])["delete-expired-data"]["data"]


def test_missed_nights_are_made_up_for_once(world: World) -> None:
    world.prefect.patch("/work_pools/cancelflow", json={"is_paused": True}).raise_for_status()
    try:
        late = [started(world, "anonymize-feedback", timedelta(days=nights)) for nights in (3, 2, 1)]
    finally:
        world.prefect.patch("/work_pools/cancelflow", json={"is_paused": False}).raise_for_status()

    states = [ended(world, run_id)["state_type"] for run_id in late]

    assert sorted(states) == ["CANCELLED", "CANCELLED", "COMPLETED"]
