"""Stripe fails after the caller got "in progress": the work continues."""

from dataclasses import dataclass
from functools import partial

import httpx
import pytest

from tests.faults.kill_matrix import ATTEMPTS
from tests.faults.triggers import Triggers
from tests.faults.wires import wired
from tests.faults.wires_line import Fault, When
from tests.reactivation.people import leaving, when_done
from tests.waiting import eventually
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow


def test_a_request_reported_as_in_progress_is_never_given_up(world: World) -> None:
    person = world.person("professional")
    # A slow look-up, then a write that gets no response: together longer than the deadline of 8 s.
    with (
        world.simulator.fault(kind="delay", seconds=2.3, method="GET", contains=person.subscription_id),
        world.simulator.fault(kind="timeout", method="POST", contains=person.subscription_id, times=0),
    ):
        response = world.cancel(person)
        request_id = world.request_id(response)
        run = "SELECT outcome, flow_run_id FROM cancellation_requests WHERE id = %s"
        flow_run_id = world.row(run, request_id)["flow_run_id"]
        eventually(lambda: world.prefect.get(f"/flow_runs/{flow_run_id}").json()["state_type"] == "FAILED")

    assert response.status_code == 202
    assert response.headers["Location"] == f"/cancellation-requests/{request_id}"
    assert world.row(run, request_id)["outcome"] is None

    world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE id = %s", [request_id])
    request_status = eventually(lambda: _finished(world, response.headers["Location"], person.headers))

    assert request_status is not None
    assert request_status.json()["status"] == "pending_cancellation"
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end


def _finished(world: World, location: str, headers: dict[str, str]) -> httpx.Response | None:
    request_status = world.http.get(location, headers=headers)
    return request_status if request_status.status_code == 200 else None


def test_a_change_that_cannot_be_read_back_from_stripe_is_not_reported_as_failed(world: World) -> None:
    person = world.person("professional")
    # The look-up of step 2 succeeds, and none after it.
    with (
        world.simulator.fault(kind="delay", seconds=0, method="GET", contains=person.subscription_id),
        world.simulator.fault(kind="status", method="GET", contains=person.subscription_id, times=0),
    ):
        response = world.cancel(person)

    assert response.status_code == 202
    location = response.headers["Location"]
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end

    world.admin.execute(
        "UPDATE cancellation_requests SET resume_at = now() WHERE id = %s", [world.request_id(response)]
    )
    request_status = eventually(lambda: _finished(world, location, person.headers))

    assert request_status is not None
    assert request_status.json()["status"] == "pending_cancellation"
    eventually(lambda: len(world.emails(person)) == 1)


def test_a_request_reported_as_failed_continues_only_if_stripe_applied_it(world: World) -> None:
    done, not_done = world.person("professional"), world.person("professional")
    for person, kind in ((done, "lost_answer"), (not_done, "refuse")):
        with (
            # The look-up of step 2 succeeds, and none after it: the lost response cannot be resolved immediately.
            world.simulator.fault(kind="delay", seconds=0, method="GET", contains=person.subscription_id),
            world.simulator.fault(kind="status", method="GET", contains=person.subscription_id, times=0),
            world.simulator.fault(kind=kind, method="POST", contains=person.subscription_id),
            world.simulator.fault(kind="refuse", method="POST", contains=person.subscription_id, times=0),
        ):
            assert world.cancel(person).status_code == 500

    request_status = "SELECT outcome, resume_at FROM cancellation_requests WHERE user_id = %s"
    for person in (done, not_done):
        assert world.row(request_status, person.user_id)["resume_at"] is not None
        world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE user_id = %s", [person.user_id])
    for person in (done, not_done):
        eventually(partial(_rechecked, world, person.user_id))

    assert world.row(request_status, done.user_id)["outcome"] == "pending_cancellation"
    assert len(world.emails(done)) == 1
    assert world.row(request_status, not_done.user_id)["outcome"] == "failed"
    assert not world.stripe.subscriptions.retrieve(not_done.subscription_id).cancel_at_period_end
    assert world.emails(not_done) == []


def _rechecked(world: World, user_id: str) -> bool:
    left = world.row("SELECT runs, resume_at FROM cancellation_requests WHERE user_id = %s", user_id)
    return left["runs"] == 2 and left["resume_at"] is None


@dataclass(frozen=True)
class Asked:
    """One of the two kinds of request: its path and its table."""

    path: str
    table: str
    effect: str  # records the failure
    outcome: str

    def person(self, world: World) -> Person:
        return world.person("professional") if "cancel" in self.path else when_done(world, leaving(world))

    def row(self, world: World, person: Person) -> Row:
        return world.row(f"SELECT * FROM {self.table} WHERE user_id = %s", person.user_id)


CANCELLATION = Asked(
    "/cancel-subscription", "cancellation_requests", "finish_cancellation, write_audit", "pending_cancellation"
)
REACTIVATION = Asked(
    "/reactivate-subscription", "reactivation_requests", "finish_reactivation, write_audit", "reactivated"
)


@pytest.mark.parametrize("asked", [CANCELLATION, REACTIVATION], ids=lambda asked: asked.table)
def test_a_failure_recorded_just_before_losing_the_database_is_undone(
    world: World, triggers: Triggers, asked: Asked
) -> None:
    """The response is "in progress", because the outcome is unknown; the work continues when the database is back."""
    person = next(filter(None, (failed_without_database(world, triggers, asked) for _ in range(ATTEMPTS))))
    when_done(world, person)
    row = asked.row(world, person)
    assert (row["outcome"], row["reported_failed"]) == (asked.outcome, False)


def failed_without_database(world: World, triggers: Triggers, asked: Asked) -> Person | None:
    """Return the person; None if no failure was recorded, since a busy machine had passed the caller's deadline."""
    person = asked.person(world)
    body = {"user_id": person.user_id} | ({"reason": "unused"} if asked is CANCELLATION else {})
    failing = {"kind": "status", "status": 400, "method": "POST", "contains": person.subscription_id, "times": 0}
    with wired(alone=True) as wires, triggers.started(**wires.settings()) as trigger:
        stop = wires.fail_at(asked.effect, When.RESPONSE_LOST, "postgresql", Fault.REFUSED)
        with world.simulator.fault(**failing):
            response = trigger.http.post(asked.path, json=body, headers=person.headers)
        assert response.status_code == 202, response.text
        if not stop.reached.is_set():
            return None
        assert asked.row(world, person)["outcome"] == "failed"
        wires.restore("postgresql")
        eventually(lambda: asked.row(world, person)["outcome"] != "failed")
    return person
