"""`cancelflow delete-expired`: starts the scheduled flow by hand; previews by default, deletes on request."""

import os
import re
import subprocess
import sys

import pytest

from tests.deletion.former_customers import former_customer
from tests.world import World

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "deployments.command_line", "delete-expired"]
# Wide enough that no id is wrapped.
WIDE = {"COLUMNS": "250"}


def run(*options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, timeout=120, env={**os.environ, **WIDE, **environment}
    )


def test_the_command_previews_with_legal_grounds_and_deletes_on_request(world: World) -> None:
    person, _ = former_customer(world, days_ago=91, feedback="said once")
    before = world.belongings(person.user_id)

    shown = run()

    assert shown.returncode == 0, shown.stderr
    assert "would delete " in shown.stdout
    assert person.user_id in shown.stdout
    for said in ("cancellation_reasons", "Art. 17(3)(b)", "legal ground"):
        assert said in shown.stdout
    for personal in (person.email, "said once"):
        assert personal not in shown.stdout + shown.stderr
    assert world.belongings(person.user_id) == before

    done = run("--for-real")

    assert done.returncode == 0, done.stderr
    assert "deleted " in done.stdout
    [record] = world.belongings(person.user_id)["data_deletions"]
    found = world.prefect.get(f"/flow_runs/{record['flow_run_id']}").json()
    assert (found["state_type"], found["parameters"]["dry_run"]) == ("COMPLETED", False)
    assert world.belongings(person.user_id)["users"] == []


def test_the_command_handles_no_more_users_than_requested(world: World) -> None:
    for _ in range(2):
        former_customer(world, days_ago=91)
    said = re.search(r"would delete (\d+) users, .* (\d+) put off", run("--at-most", "1").stdout)
    assert said is not None
    assert int(said[1]) + int(said[2]) == 1


def test_the_command_fails_if_a_user_could_not_be_deleted(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)
    customer = world.row("SELECT stripe_customer_id AS id FROM users WHERE id = %s", person.user_id)["id"]
    with world.simulator.fault(kind="status", status=400, contains=customer, times=0):
        left = run()
    assert left.returncode == 1
    assert person.user_id in left.stdout
    assert "billing-failed" in left.stdout
