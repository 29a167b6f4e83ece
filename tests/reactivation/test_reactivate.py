"""POST /reactivate-subscription: FEATURES W49, F15, W29, each verified where its effect is stored."""

import re
import uuid
from typing import Any

import pytest

from tests.acceptance.consumer import body, consuming
from tests.acceptance.subscribers import clock, subscriber
from tests.reactivation.people import (
    in_stripe,
    jobs,
    leaving,
    outbox,
    reactivate,
    renews_at,
    requests,
    row_of,
    subjects,
    when_done,
)
from tests.waiting import concurrently, eventually
from tests.webhooks.events import settled
from tests.world import Person, World


def test_reactivating_undoes_the_cancellation(world: World) -> None:
    person = leaving(world)
    writes = len(world.simulator.writes(person.subscription_id))

    response = reactivate(world, person)

    assert response.status_code == 200
    assert list(response.json().items()) == [
        ("success", True),
        ("status", "active"),
        ("subscription_id", person.subscription_id),
        ("renews_at", renews_at(world, person)),
    ]
    after = in_stripe(world, person)
    assert (after.cancel_at_period_end, after.cancel_at, after.status) == (False, None, "active")
    [write] = world.simulator.writes(person.subscription_id)[writes:]
    assert write["params"]["cancel_at_period_end"] == "false"
    assert "cancel_at" not in write["params"]
    assert write["idempotency_key"] == f"{response.headers['Reactivation-Request-Id']}:clear:1"
    row = row_of(world, person)
    assert (row["status"], row["cancel_at"], row["cancel_at_period_end"]) == ("active", None, False)
    assert jobs(world, person) == ["cancelled"]


def test_a_reactivation_is_confirmed_by_email_and_published(world: World) -> None:
    with consuming() as consumer:
        person = leaving(world)
        response = reactivate(world, person)
        emails = world.emails(person)
        eventually(
            lambda: not world.rows("SELECT FROM outbox WHERE user_id = %s AND delivered_at IS NULL", person.user_id)
        )
        first, second = consumer.everything_of(person.user_id)

    [email] = [each for each in emails if each["subject"] == "Welcome back: your Professional plan continues"]
    assert "Renews on" in email["text"]
    assert "Renews on" in email["html"]
    assert response.headers["Reactivation-Request-Id"] in email["text"]
    assert body(first)["event"] == "subscription.canceled"
    event = body(second)
    assert event == {
        "event": "subscription.reactivated",
        "user_id": person.user_id,
        "subscription_id": person.subscription_id,
        "request_id": response.headers["Reactivation-Request-Id"],
        "effective_at": event["effective_at"],
        "renews_at": renews_at(world, person),
        "event_id": event["event_id"],
    }
    assert dict(second.attributes) == {"event": "subscription.reactivated", "event_id": event["event_id"]}
    assert second.ordering_key == person.user_id


def test_a_second_reactivation_has_no_further_effect(world: World) -> None:
    person = leaving(world)
    first = reactivate(world, person)
    writes = world.simulator.writes(person.subscription_id)

    second = reactivate(world, person)

    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert world.simulator.writes(person.subscription_id) == writes
    assert len(subjects(world, person)) == 2
    assert outbox(world, person).count("subscription.reactivated") == 1
    assert [each["outcome"] for each in requests(world, person)] == ["reactivated", "active_already"]


def test_concurrent_reactivations_take_effect_once(world: World) -> None:
    person = leaving(world)
    responses = concurrently(*[lambda: reactivate(world, person)] * 4)
    assert [response.status_code for response in responses] == [200] * 4
    assert len({response.text for response in responses}) == 1
    assert len(subjects(world, person)) == 2
    assert outbox(world, person).count("subscription.reactivated") == 1
    assert [e["outcome"] for e in requests(world, person)].count("reactivated") == 1
    audited = world.rows(
        "SELECT * FROM audit_log WHERE user_id = %s AND action = 'reactivate_subscription'", person.user_id
    )
    assert len(audited) == 4


def test_reactivating_a_subscription_that_was_never_cancelled_changes_nothing(world: World) -> None:
    person = world.person("professional")
    response = reactivate(world, person)
    assert (response.status_code, response.json()["status"]) == (200, "active")
    assert world.simulator.writes(person.subscription_id) == []
    assert (outbox(world, person), subjects(world, person)) == ([], [])


def test_only_the_cancellation_field_that_is_set_is_cleared(world: World) -> None:
    """Flexible billing and Stripe's portal set only a date: clearing both fields is an error at Stripe."""
    person = subscriber(world)
    end = in_stripe(world, person).items.data[0].current_period_end
    world.stripe.subscriptions.update(person.subscription_id, {"cancel_at": end})
    writes = len(world.simulator.writes(person.subscription_id))

    response = reactivate(world, person)

    assert response.status_code == 200
    [write] = [
        w for w in world.simulator.writes(person.subscription_id)[writes:] if w["idempotency_key"].endswith("clear:1")
    ]
    assert write["params"]["cancel_at"] == ""
    assert "cancel_at_period_end" not in write["params"]
    assert in_stripe(world, person).cancel_at is None


def test_an_accepted_discount_is_kept(world: World) -> None:
    person = world.person("professional")
    assert world.accept(person).status_code == 200
    discounts = in_stripe(world, person).discounts
    assert world.cancel(person).status_code == 200

    assert reactivate(world, person).status_code == 200

    assert in_stripe(world, person).discounts == discounts != []


def test_a_customer_can_cancel_and_reactivate_repeatedly(world: World) -> None:
    person = leaving(world)
    for _ in range(2):
        assert reactivate(world, person).status_code == 200
        assert world.cancel(person).status_code == 200
    assert reactivate(world, person).status_code == 200
    assert jobs(world, person) == ["cancelled"] * 3
    assert len(subjects(world, person)) == 6
    assert in_stripe(world, person).cancel_at is None


def test_an_ended_subscription_cannot_be_reactivated(world: World) -> None:
    on = clock(world)
    person = subscriber(world, on=on)
    assert world.cancel(person).status_code == 200
    ends = in_stripe(world, person).cancel_at
    assert ends is not None
    on.advance(ends + 60)

    response = reactivate(world, person)

    assert response.status_code == 410
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "urn:cancelflow:problem:subscription-ended"
    assert problem["detail"] == "The subscription has ended and cannot be reactivated. Start a new one"
    assert problem["success"] is False
    named = reactivate(world, person, subscription_id=person.subscription_id)
    assert named.status_code == 410
    assert "reactivation_confirmation" not in outbox(world, person)


def test_the_pending_one_of_several_subscriptions_is_reactivated(world: World) -> None:
    person = world.person("two_subscriptions")
    unclear = reactivate(world, person)
    assert unclear.status_code == 409
    assert {each["subscription_id"] for each in unclear.json()["subscriptions"]} == set(person.subscription_ids)
    assert world.cancel(person, subscription_id=person.subscription_ids[1]).status_code == 200

    response = reactivate(world, person)

    assert (response.status_code, response.json()["subscription_id"]) == (200, person.subscription_ids[1])


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("another's user_id", {"user_id": str(uuid.uuid4())}, 403, "not-your-subscription"),
    ("an unknown subscription", {"subscription_id": "sub_nobodys"}, 404, "nothing-to-reactivate"),
    ("an unknown member", {"reason": "unused"}, 400, "body-invalid"),
]


@pytest.mark.parametrize(("what", "given", "status", "problem"), REFUSED, ids=[each[0] for each in REFUSED])
def test_a_refused_reactivation_changes_nothing_and_is_audited(
    world: World, what: str, given: dict[str, Any], status: int, problem: str
) -> None:
    person = leaving(world)
    response = reactivate(world, person, **given)
    assert (response.status_code, response.json()["type"]) == (status, f"urn:cancelflow:problem:{problem}"), what
    assert in_stripe(world, person).cancel_at is not None
    assert jobs(world, person) == ["scheduled"]
    [audit] = world.rows(
        "SELECT * FROM audit_log WHERE user_id = %s AND action = 'reactivate_subscription'", person.user_id
    )
    assert (audit["outcome"], audit["http_status"], audit["problem"]) == ("refused", status, problem)


def test_another_users_subscription_is_not_found(world: World) -> None:
    person, other = leaving(world), world.person("professional")
    response = reactivate(world, other, subscription_id=person.subscription_id)
    assert response.status_code == 404
    assert in_stripe(world, person).cancel_at is not None


def test_a_request_without_a_token_is_refused(world: World) -> None:
    response = world.http.post("/reactivate-subscription", json={"user_id": str(uuid.uuid4())})
    assert response.status_code == 401


def test_a_reactivation_is_audited_with_stripes_request_id(world: World) -> None:
    person = leaving(world)
    response = reactivate(world, person)
    [audit] = world.rows(
        "SELECT * FROM audit_log WHERE user_id = %s AND action = 'reactivate_subscription'", person.user_id
    )
    [request] = requests(world, person)
    assert (audit["outcome"], audit["http_status"], audit["subscription_id"]) == (
        "reactivated",
        200,
        person.subscription_id,
    )
    assert str(audit["request_id"]) == response.headers["Reactivation-Request-Id"]
    assert re.fullmatch(r"req_\w+", audit["stripe_request_id"])
    assert request["stripe_request_id"] == audit["stripe_request_id"]


def test_a_failure_at_stripe_is_reported_and_a_retry_works(world: World) -> None:
    person = leaving(world)
    with world.simulator.fault(kind="status", status=400, method="POST", contains=person.subscription_id, times=0):
        failed = reactivate(world, person)
    assert (failed.status_code, failed.json()["detail"]) == (500, "Reactivation failed, try again")
    assert in_stripe(world, person).cancel_at is not None
    assert jobs(world, person) == ["scheduled"]
    assert reactivate(world, person).status_code == 200


def test_a_lost_response_is_resolved_by_reading_back(world: World) -> None:
    person = leaving(world)
    with world.simulator.fault(kind="lost_answer", method="POST", contains=person.subscription_id, times=2):
        response = reactivate(world, person)
    assert response.status_code == 200
    assert in_stripe(world, person).cancel_at is None
    assert len(subjects(world, person)) == 2


@pytest.mark.parametrize("found_out_by", ["the later look-up", "Stripe's event"])
def test_the_confirmation_corrects_an_earlier_report_of_failure(world: World, found_out_by: str) -> None:
    person = when_done(world, leaving(world))
    with (
        # The look-up succeeds, and none after it: the lost response cannot be resolved immediately.
        world.simulator.fault(kind="delay", seconds=0, method="GET", contains=person.subscription_id),
        world.simulator.fault(kind="status", method="GET", contains=person.subscription_id, times=0),
        world.simulator.fault(kind="lost_answer", method="POST", contains=person.subscription_id),
        world.simulator.fault(kind="refuse", method="POST", contains=person.subscription_id, times=0),
    ):
        assert reactivate(world, person).status_code == 500
    if found_out_by == "the later look-up":
        world.admin.execute("UPDATE reactivation_requests SET resume_at = now() WHERE user_id = %s", [person.user_id])
    when_done(world, person)
    settled(world, person)
    [request] = requests(world, person)
    assert (request["outcome"], request["reported_failed"]) == ("reactivated", True)
    [email] = [each for each in world.emails(person) if each["subject"].startswith("Welcome back")]
    assert "We told you that it had failed." in email["text"]


def test_a_request_of_a_killed_process_is_resumed(world: World) -> None:
    person = leaving(world)
    left = world.row(
        "INSERT INTO reactivation_requests (user_id, asked_user_id, origin, resume_at)"
        " VALUES (%s, %s, 'api', now()) RETURNING id",
        person.user_id,
        person.user_id,
    )
    eventually(
        lambda: world.row("SELECT resume_at FROM reactivation_requests WHERE id = %s", left["id"])["resume_at"] is None,
    )
    assert in_stripe(world, person).cancel_at is None
    found = world.http.get(f"/reactivations/{left['id']}", headers=person.headers)
    assert (found.status_code, found.json()["status"]) == (200, "active")
    assert len(subjects(world, person)) == 2


def test_a_customer_who_was_told_to_wait_gets_an_email_if_it_is_refused(world: World) -> None:
    on = clock(world)
    person = subscriber(world, on=on)
    assert world.cancel(person).status_code == 200
    ends = in_stripe(world, person).cancel_at
    assert ends is not None
    on.advance(ends + 60)
    world.rows(
        "INSERT INTO reactivation_requests (user_id, asked_user_id, origin, resume_at)"
        " VALUES (%s, %s, 'link', now()) RETURNING id",
        person.user_id,
        person.user_id,
    )
    eventually(lambda: "We couldn't reactivate your plan" in subjects(world, person))
    [request] = requests(world, person)
    assert (request["outcome"], request["http_status"]) == ("refused", 410)


def test_the_run_shows_its_steps_and_no_personal_data(world: World) -> None:
    person = leaving(world)
    reactivate(world, person)
    [request] = requests(world, person)
    run = eventually(lambda: _ended_run(world, str(request["flow_run_id"])))
    assert run is not None
    assert run["name"] == f"reactivate-subscription {request['id']} {person.subscription_id}"
    assert {"plan:professional", "origin:api", "outcome:reactivated"} <= set(run["tags"])
    assert run["parameters"] == {"request_id": str(request["id"])}
    tasks = eventually(lambda: _seven(world, run["id"]))
    assert {task["name"] for task in tasks} == {
        "Reactivation Request",
        "Find Pending Subscription",
        "Clear Cancellation",
        "Mark Subscription as Active",
        "Reactivation Response",
        "Send Reactivation Confirmation",
        "Publish Reactivation Event",
    }
    assert person.email not in str(run) + str(tasks)


def _ended_run(world: World, run_id: str) -> dict[str, Any] | None:
    run: dict[str, Any] = world.prefect.get(f"/flow_runs/{run_id}").json()
    return run if run["state_type"] == "COMPLETED" else None


def _seven(world: World, run_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.prefect.post(
        "/task_runs/filter", json={"flow_runs": {"id": {"any_": [run_id]}}}
    ).json()
    return found if len(found) == 7 else []


def test_another_user_cannot_read_the_request(world: World) -> None:
    person, other = leaving(world), world.person("professional")
    response = reactivate(world, person)
    hidden = world.http.get(f"/reactivations/{response.headers['Reactivation-Request-Id']}", headers=other.headers)
    assert hidden.status_code == 404


def test_a_subscription_that_is_still_being_cancelled_cannot_be_reactivated(world: World) -> None:
    person: Person = world.person("professional")
    world.rows(
        "INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer, reason, resume_at)"
        " VALUES (%s, %s, false, 'unused', now() + interval '1 hour') RETURNING id",
        person.user_id,
        person.user_id,
    )
    response = reactivate(world, person)
    assert (response.status_code, response.json()["type"]) == (409, "urn:cancelflow:problem:request-under-way")
