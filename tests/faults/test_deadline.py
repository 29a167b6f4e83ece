"""Stripe fails after the caller was told that the work goes on: then it goes on."""

import httpx

from tests.waiting import eventually
from tests.world import World


def test_what_was_told_as_under_way_is_never_given_up(world: World) -> None:
    person = world.person("professional")
    # A slow look-up and then a write that is never answered: together past the deadline of 8 s.
    with (
        world.simulator.fault(kind="delay", seconds=2.6, method="GET", contains=person.subscription_id),
        world.simulator.fault(kind="timeout", method="POST", contains=person.subscription_id, times=0),
    ):
        answer = world.cancel(person)
        request_id = world.request_id(answer)
        run = "SELECT outcome, flow_run_id FROM cancellation_requests WHERE id = %s"
        flow_run_id = world.row(run, request_id)["flow_run_id"]
        eventually(lambda: world.prefect.get(f"/flow_runs/{flow_run_id}").json()["state_type"] == "FAILED", within=20)

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/cancellation-requests/{request_id}"
    assert world.row(run, request_id)["outcome"] is None

    world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE id = %s", [request_id])
    standing = eventually(lambda: _finished(world, answer.headers["Location"], person.headers), within=20)

    assert standing is not None
    assert standing.json()["status"] == "pending_cancellation"
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end


def _finished(world: World, location: str, headers: dict[str, str]) -> httpx.Response | None:
    standing = world.http.get(location, headers=headers)
    return standing if standing.status_code == 200 else None


def test_a_change_that_stripe_took_is_not_called_a_failure_when_it_cannot_be_read_back(world: World) -> None:
    person = world.person("professional")
    # The look-up of step 2 is answered, and no look after it.
    with (
        world.simulator.fault(kind="delay", seconds=0, method="GET", contains=person.subscription_id),
        world.simulator.fault(kind="status", method="GET", contains=person.subscription_id, times=0),
    ):
        answer = world.cancel(person)

    assert answer.status_code == 202
    location = answer.headers["Location"]
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end

    world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE id = %s", [world.request_id(answer)])
    standing = eventually(lambda: _finished(world, location, person.headers), within=20)

    assert standing is not None
    assert standing.json()["status"] == "pending_cancellation"
    eventually(lambda: len(world.letters(person)) == 1)
