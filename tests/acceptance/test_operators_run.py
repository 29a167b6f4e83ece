"""A run that an operator starts in the Prefect UI, which Prefect's worker carries out (SPEC, Decided 12)."""

from dataclasses import dataclass

import pytest

from tests.waiting import eventually
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow


@dataclass
class Operated:
    """A run of the deployment that an operator started for a request."""

    person: Person
    request_id: str
    run: Row


@pytest.fixture
def operated(world: World) -> dict[str, Operated]:
    left, given_up = world.person("professional"), world.person("professional")
    with world.simulator.fault(kind="status", method="POST", contains=given_up.subscription_id, times=0):
        response = world.cancel(given_up)
    assert response.status_code == 500
    begun = {"unfinished": (left, unfinished_request(world, left)), "given up": (given_up, world.request_id(response))}
    return {
        what: Operated(person, request_id, started(world, request_id)) for what, (person, request_id) in begun.items()
    }


def started(world: World, request_id: str) -> Row:
    """Start a run of the deployment, as an operator does in the UI."""
    deployment = world.prefect.get("/deployments/name/cancel-subscription/cancel-subscription")
    assert deployment.status_code == 200
    made = world.prefect.post(
        f"/deployments/{deployment.json()['id']}/create_flow_run", json={"parameters": {"request_id": request_id}}
    )
    assert made.status_code == 201, made.text
    run: Row = made.json()
    return run


def completed(world: World, run: Row) -> Row:
    """Return the run when the worker has completed it."""

    def at_its_end() -> Row | None:
        found: Row = world.prefect.get(f"/flow_runs/{run['id']}").json()
        return found if found["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED") else None

    found = eventually(at_its_end)
    assert found is not None
    return found


def unfinished_request(world: World, person: Person) -> str:
    """Create a request whose process died right after storing it, and whose retry is not due yet."""
    made = world.row(
        "INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer, reason, feedback, resume_at)"
        " VALUES (%s, %s, false, 'unused', 'unfinished', now() + interval '1 hour') RETURNING id",
        person.user_id,
        person.user_id,
    )
    return str(made["id"])


def test_the_worker_carries_out_a_run_that_an_operator_starts(world: World, operated: dict[str, Operated]) -> None:
    """An unfinished request, and one that was given up: an operator may resume the latter (SPEC, Decided 12)."""
    for seen in operated.values():
        run = completed(world, seen.run)
        assert (run["state"]["name"], run["state"]["message"]) == ("Completed", "200 pending_cancellation")
        assert run["name"] == f"cancel-subscription {seen.request_id} {seen.person.subscription_id}"
        assert set(run["tags"]) >= {"cancelflow", "plan:professional", "outcome:pending_cancellation"}
        assert run["deployment_id"]
        assert world.stripe.subscriptions.retrieve(seen.person.subscription_id).cancel_at_period_end
        request = world.row("SELECT * FROM cancellation_requests WHERE id = %s", seen.request_id)
        assert (request["outcome"], request["http_status"]) == ("pending_cancellation", 200)
        assert (str(request["flow_run_id"]), request["resume_at"]) == (run["id"], None)
        counts = {table: len(rows) for table, rows in world.belongings(seen.person.user_id).items()}
        assert (counts["cancellation_reasons"], counts["data_retention_jobs"], counts["outbox"]) == (1, 1, 2)
        assert len(world.emails(seen.person)) == 1
    [reason] = world.belongings(operated["unfinished"].person.user_id)["cancellation_reasons"]
    assert (reason["category"], reason["feedback"]) == ("unused", "unfinished")
    assert outcomes(world, operated["unfinished"].person) == ["pending_cancellation"]
    assert outcomes(world, operated["given up"].person) == ["failed", "pending_cancellation"]


def outcomes(world: World, person: Person) -> list[str]:
    audit = world.rows("SELECT outcome FROM audit_log WHERE user_id = %s ORDER BY id", person.user_id)
    return [row["outcome"] for row in audit]
