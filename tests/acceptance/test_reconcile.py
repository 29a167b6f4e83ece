"""`cancelflow reconcile`: repairs what a lost webhook left undone, and reports ambiguous cases to an operator."""

import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from nodes.runs.display import READY
from tests.acceptance.subscribers import subscriber
from tests.faults.unfinished import unfinished_request
from tests.waiting import eventually
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "deployments.command_line", "reconcile"]


@dataclass
class Walked:
    """Each case by its subscription: our rows before, after a dry run, and after a real run, with both outputs."""

    cases: dict[str, Person]
    before: dict[str, Row]
    after_dry_run: dict[str, Row]
    after: dict[str, Row]
    dry_run: str
    report: str
    stale: Row
    unused: list[Row]  # pre-created hours ago, and just now

    def id_of(self, case: str) -> str:
        return self.cases[case].subscription_id


@pytest.fixture(scope="module")
def walked(world: World) -> Walked:
    cases = {
        name: subscriber(world) for name in ("cancelled", "undone", "ended", "paused", "gone", "not ours", "under way")
    }
    world.cancel(cases["undone"])
    world.tried(cases["undone"])
    # The event of its creation would create its row again.
    processed = "SELECT FROM stripe_events WHERE subscription_id = %s AND handled_at IS NOT NULL"
    eventually(lambda: world.rows(processed, cases["not ours"].subscription_id))
    with world.simulator.losing_webhooks():
        for name, action in (("cancelled", "cancel"), ("undone", "undo"), ("under way", "cancel")):
            world.simulator.portal(cases[name].subscription_id, action)
        in_a_month = int(time.time()) + 30 * 86_400
        pause = {"pause_collection": {"behavior": "void", "resumes_at": in_a_month}}
        world.simulator.portal(cases["paused"].subscription_id, "update", params=pause)
        world.stripe.subscriptions.cancel(cases["ended"].subscription_id)
        cases["gone"] = _row_alone(world, cases["gone"])
        world.admin.execute("DELETE FROM subscriptions WHERE id = %s", [cases["not ours"].subscription_id])
        request_id = unfinished_request(world, cases["under way"], subscription_id=cases["under way"].subscription_id)
        before = _rows(world, cases)
        open_run = _orphaned_run(world)
        ready = [_pre_created(world, hours_ago=3), _pre_created(world, hours_ago=0)]
        dry_run = _walk("--dry-run")
        after_dry_run = _rows(world, cases)
        _walk()
        report = _report(world)
        after = _rows(world, cases)
        eventually(lambda: not _has_unfinished_work(world, cases))
        world.tried(cases["cancelled"])
    world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE id = %s", [request_id])
    return Walked(cases, before, after_dry_run, after, dry_run, report, open_run, ready)


def _report(world: World) -> str:
    """Return the report of the run that ended last among those started from the command line."""
    asked = {
        "flows": {"name": {"any_": ["reconcile"]}},
        "flow_runs": {"deployment_id": {"is_null_": True}},
        "sort": "END_TIME_DESC",
        "limit": 1,
    }
    [run] = world.prefect.post("/flow_runs/filter", json=asked).json()
    of_run = {"key": {"any_": ["reconciliation"]}, "flow_run_id": {"any_": [run["id"]]}}
    [made] = world.prefect.post("/artifacts/filter", json={"artifacts": of_run}).json()
    return str(made["data"])


def _orphaned_run(world: World) -> Row:
    """Create a run that began hours ago and whose end was never reported to Prefect's server."""
    flow = world.prefect.get("/flows/name/cancel-subscription").json()
    state = {"type": "RUNNING", "name": "Running"}
    made: Row = world.prefect.post("/flow_runs/", json={"flow_id": flow["id"], "state": state}).json()
    with psycopg.connect(world.addresses["database_admin_url"], dbname="prefect") as connection:
        began = datetime.now(UTC) - timedelta(hours=3)
        connection.execute("UPDATE flow_run SET start_time = %s WHERE id = %s", [began, made["id"]])
    return made


def _pre_created(world: World, hours_ago: int) -> Row:
    """Create an unused pre-created run."""
    flow = world.prefect.get("/flows/name/cancel-subscription").json()
    state = {"type": "PENDING", "name": READY}
    made: Row = world.prefect.post("/flow_runs/", json={"flow_id": flow["id"], "state": state}).json()
    with psycopg.connect(world.addresses["database_admin_url"], dbname="prefect") as connection:
        began = datetime.now(UTC) - timedelta(hours=hours_ago)
        connection.execute("UPDATE flow_run SET expected_start_time = %s WHERE id = %s", [began, made["id"]])
    return made


def _row_alone(world: World, person: Person) -> Person:
    """Give the person a row whose subscription does not exist in Stripe."""
    gone = f"sub_{uuid.uuid4().hex[:24]}"
    world.admin.execute("UPDATE subscriptions SET id = %s WHERE id = %s", [gone, person.subscription_id])
    return Person(person.case, person.user_id, person.email, [gone], person.headers)


def _rows(world: World, cases: dict[str, Person]) -> dict[str, Row]:
    ids = {person.subscription_id: name for name, person in cases.items()}
    found = world.rows("SELECT * FROM subscriptions WHERE id = ANY(%s)", list(ids))
    return {ids[row["id"]]: row for row in found}


def _has_unfinished_work(world: World, cases: dict[str, Person]) -> bool:
    """Return whether any repaired change still has unfinished work, as a received webhook would have."""
    ids = [cases[name].subscription_id for name in ("cancelled", "undone", "ended", "paused")]
    events = "SELECT FROM stripe_events WHERE subscription_id = ANY(%s) AND resume_at IS NOT NULL"
    requests = "SELECT FROM requests WHERE subscription_id = ANY(%s) AND resume_at IS NOT NULL"
    return any(world.rows(query, ids) for query in (events, requests))


def _walk(*options: str) -> str:
    done = subprocess.run([*COMMAND, *options], check=True, capture_output=True, text=True, timeout=120)
    return done.stdout.splitlines()[-1]


def test_a_dry_run_changes_nothing_and_reports_what_would_change(walked: Walked) -> None:
    assert walked.after_dry_run == walked.before
    assert "would be healed" in walked.dry_run


@pytest.mark.parametrize(
    ("case", "before", "after"),
    [
        ("cancelled", "active", "pending_cancellation"),
        ("undone", "pending_cancellation", "active"),
        ("ended", "active", "canceled"),
    ],
)
def test_an_unambiguous_difference_is_repaired(walked: Walked, case: str, before: str, after: str) -> None:
    assert (walked.before[case]["status"], walked.after[case]["status"]) == (before, after)
    assert f"| {walked.id_of(case)} | {before} here, {after} in Stripe | healed |" in walked.report


def test_a_lost_webhook_is_made_up_for_as_if_it_had_arrived(world: World, walked: Walked) -> None:
    person = walked.cases["cancelled"]
    [email] = world.emails(person)
    assert email["subject"].startswith("Cancellation confirmed")
    jobs = world.rows("SELECT status FROM data_retention_jobs WHERE subscription_id = %s", person.subscription_id)
    assert [job["status"] for job in jobs] == ["scheduled"]
    ends = world.rows("SELECT kind FROM subscription_ends WHERE subscription_id = %s", walked.id_of("ended"))
    assert [end["kind"] for end in ends] == ["voluntary"]


def test_a_state_that_returns_is_announced_again(world: World) -> None:
    person = subscriber(world)
    finished = "SELECT kind FROM requests WHERE user_id = %s AND finished_at IS NOT NULL ORDER BY received_at"
    kinds = ["cancellation", "reactivation", "cancellation"]
    with world.simulator.losing_webhooks():
        for number, action in enumerate(("cancel", "undo", "cancel"), start=1):
            world.simulator.portal(person.subscription_id, action)
            _walk()
            _walk()  # repairs nothing twice
            eventually(lambda: len(world.rows(finished, person.user_id)) == number)  # noqa: B023  # waits within its own turn
    assert [row["kind"] for row in world.rows(finished, person.user_id)] == kinds
    subjects = [email["subject"] for email in world.emails(person)]
    assert len([each for each in subjects if each.startswith("Cancellation confirmed")]) == 2


def test_a_pause_whose_webhook_was_lost_is_recorded_and_confirmed(world: World, walked: Walked) -> None:
    person = walked.cases["paused"]
    [request] = world.rows("SELECT kind, origin, outcome FROM change_requests WHERE user_id = %s", person.user_id)
    [email] = world.emails(person)

    assert (walked.before["paused"]["pause_behavior"], walked.after["paused"]["pause_behavior"]) == (None, "void")
    assert f"| {person.subscription_id} | active here, active in Stripe, with another pause | healed |" in walked.report
    assert request == {"kind": "pause", "origin": "stripe", "outcome": "changed"}
    assert "is paused until" in email["subject"]


def test_the_data_of_a_reactivated_customer_is_not_deleted(world: World, walked: Walked) -> None:
    jobs = world.rows("SELECT status FROM data_retention_jobs WHERE subscription_id = %s", walked.id_of("undone"))
    assert [job["status"] for job in jobs] == ["cancelled"]


def test_a_subscription_unknown_to_stripe_is_reported_to_an_operator(walked: Walked) -> None:
    assert walked.after["gone"] == walked.before["gone"]
    assert f"| {walked.id_of('gone')} | active here, not in Stripe |" in walked.report


def test_a_subscription_without_a_row_is_reported(walked: Walked) -> None:
    assert f"| {walked.id_of('not ours')} | in Stripe, no row here |" in walked.report


def test_a_row_with_a_request_in_progress_is_left_alone(walked: Walked) -> None:
    assert walked.after["under way"] == walked.before["under way"]
    assert walked.id_of("under way") not in walked.report


def test_the_report_contains_no_personal_data(walked: Walked) -> None:
    assert not any(person.email in walked.report or person.user_id in walked.report for person in walked.cases.values())


def test_a_run_whose_end_was_never_reported_to_prefect_does_not_stay_running(world: World, walked: Walked) -> None:
    run = world.prefect.get(f"/flow_runs/{walked.stale['id']}").json()
    assert (walked.stale["state_type"], run["state_type"]) == ("RUNNING", "CRASHED")


def test_a_killed_triggers_pre_created_runs_are_deleted_and_usable_ones_are_kept(world: World, walked: Walked) -> None:
    found = [world.prefect.get(f"/flow_runs/{run['id']}").status_code for run in walked.unused]
    assert found == [404, 200]
    world.prefect.delete(f"/flow_runs/{walked.unused[1]['id']}")
