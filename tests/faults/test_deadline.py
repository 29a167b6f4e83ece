"""Stripe fails after the caller was told that the work goes on: then it goes on."""

from functools import partial

import httpx

from tests.waiting import eventually
from tests.world import World


def test_what_was_told_as_under_way_is_never_given_up(world: World) -> None:
    person = world.person("professional")
    # A slow look-up and then a write that is never answered: together past the deadline of 8 s.
    with (
        world.simulator.fault(kind="delay", seconds=2.3, method="GET", contains=person.subscription_id),
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


def test_what_was_told_as_failed_goes_on_only_if_stripe_did_it_after_all(world: World) -> None:
    done, not_done = world.person("professional"), world.person("professional")
    for person, kind in ((done, "lost_answer"), (not_done, "refuse")):
        with (
            # The look-up of step 2 is answered, and no look after it: the lost answer cannot be settled at once.
            world.simulator.fault(kind="delay", seconds=0, method="GET", contains=person.subscription_id),
            world.simulator.fault(kind="status", method="GET", contains=person.subscription_id, times=0),
            world.simulator.fault(kind=kind, method="POST", contains=person.subscription_id),
            world.simulator.fault(kind="refuse", method="POST", contains=person.subscription_id, times=0),
        ):
            assert world.cancel(person).status_code == 500

    standing = "SELECT outcome, resume_at FROM cancellation_requests WHERE user_id = %s"
    for person in (done, not_done):
        assert world.row(standing, person.user_id)["resume_at"] is not None
        world.admin.execute("UPDATE cancellation_requests SET resume_at = now() WHERE user_id = %s", [person.user_id])
    for person in (done, not_done):
        eventually(partial(_looked_at, world, person.user_id), within=20)

    assert world.row(standing, done.user_id)["outcome"] == "pending_cancellation"
    assert len(world.letters(done)) == 1
    assert world.row(standing, not_done.user_id)["outcome"] == "failed"
    assert not world.stripe.subscriptions.retrieve(not_done.subscription_id).cancel_at_period_end
    assert world.letters(not_done) == []


def _looked_at(world: World, user_id: str) -> bool:
    left = world.row("SELECT runs, resume_at FROM cancellation_requests WHERE user_id = %s", user_id)
    return left["runs"] == 2 and left["resume_at"] is None
