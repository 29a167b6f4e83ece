"""Outages: FEATURES W13, W15, W18, W21, W26, and SPEC, Decided 12. The caller's response must come true."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import stripe

from tests.acceptance.consumer import Consumer, body, consuming
from tests.acceptance.subscribers import unpaid_from_the_start
from tests.acceptance.trigger import serving
from tests.faults.unfinished import expire_lease, when_done
from tests.ports import free_port
from tests.waiting import eventually
from tests.world import Person, Row, World

FAILED = "Cancellation failed, try again"

# Faults of a write to Stripe that change nothing. `times` 0: until the outage is over.
LEAVES_NOTHING: dict[str, dict[str, Any]] = {
    "500": {"kind": "status", "times": 0},
    "a timeout": {"kind": "timeout", "times": 0},
    "no connection": {"kind": "refuse", "times": 0},
    "too many requests": {"kind": "status", "status": 429, "times": 0},
    "a false 200": {"kind": "lie"},
}
# Faults that cut a write off: Stripe may still carry it out, so its state is checked again a minute later.
CUT_OFF = ("a timeout", "no connection")
# Faults that lose the response to a completed write.
LOSES_THE_RESPONSE: dict[str, dict[str, Any]] = {
    "closed, once": {"kind": "lost_answer"},
    "closed, each time": {"kind": "lost_answer", "times": 0},
    "500, each time": {"kind": "lost_answer", "after": "500", "times": 0},
    "held, once": {"kind": "lost_answer", "after": "timeout"},
}
SLOW = "slow"
FAULTS = LEAVES_NOTHING | LOSES_THE_RESPONSE | {SLOW: {"kind": "delay", "seconds": 2.2, "method": "*", "times": 0}}
TAKES_SECONDS = ("a timeout", "held, once", SLOW)


@dataclass
class Attempt:
    """A cancellation during a fault: the state before it, and the response."""

    person: Person
    row: Row
    found: stripe.Subscription
    response: httpx.Response


def attempt(world: World, fault: str) -> Attempt:
    # A schedule adds calls, which can be slow.
    person = world.person("schedule_managed" if fault == SLOW else "professional")
    row, found = row_of(world, person), world.stripe.subscriptions.retrieve(person.subscription_id)
    with world.simulator.fault(**{"method": "POST", "contains": person.subscription_id, **FAULTS[fault]}):
        return Attempt(person, row, found, world.cancel(person))


@pytest.fixture(scope="module")
def attempts(world: World) -> Iterator[Callable[[str], Attempt]]:
    """Start the slow attempts concurrently, and wait for each where it is used."""
    with ThreadPoolExecutor(len(TAKES_SECONDS)) as threads:
        begun = {fault: threads.submit(attempt, world, fault) for fault in TAKES_SECONDS}
        yield lambda fault: begun[fault].result() if fault in begun else attempt(world, fault)


def row_of(world: World, person: Person) -> Row:
    return world.row("SELECT * FROM subscriptions WHERE id = %s", person.subscription_id)


def effects(world: World, person: Person) -> list[Row]:
    """Return the writes that Stripe carried out, without repeats of an idempotency key."""
    return [w for w in world.simulator.writes(person.subscription_id) if w["status"] == 200 and not w["replayed"]]


def given_up(world: World, person: Person, response: httpx.Response, *, cut_off: bool = False) -> None:
    """Check that the response reports a failure and nothing continues; after a cut-off write, one look may follow."""
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "urn:cancelflow:problem:cancellation-failed",
        "title": "Cancellation failed",
        "status": 500,
        "detail": FAILED,
        "success": False,
        "request_id": world.request_id(response),
    }
    request = world.row("SELECT * FROM cancellation_requests WHERE id = %s", world.request_id(response))
    assert (request["outcome"], request["http_status"]) == ("failed", 500)
    if cut_off:
        assert request["resume_at"] is not None or request["runs"] == 2  # due, or already done
    else:
        assert (request["resume_at"], request["runs"]) == (None, 1)
    assert request["response"] == response.json()
    [audit] = world.rows("SELECT * FROM audit_log WHERE request_id = %s", world.request_id(response))
    assert (audit["outcome"], audit["http_status"]) == ("failed", 500)
    belongings = world.belongings(person.user_id)
    assert belongings["outbox"] == belongings["data_retention_jobs"] == belongings["entitlements"] == []
    assert world.emails(person) == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", LEAVES_NOTHING)
def test_a_write_that_stripe_did_not_apply_is_reported_as_failed_and_can_be_retried(
    world: World, attempts: Callable[[str], Attempt], fault: str
) -> None:
    seen = attempts(fault)
    person = seen.person
    if fault == "a timeout" and seen.response.status_code == 202:
        # On a slow machine the caller's deadline may pass first: then the work continues (SPEC, Decided 12).
        done = eventually(lambda: finished(world, person, seen.response.headers["Location"]))
        assert done is not None
        assert done.json()["status"] == "pending_cancellation"
        return

    given_up(world, person, seen.response, cut_off=fault in CUT_OFF)
    assert row_of(world, person) == seen.row
    assert world.stripe.subscriptions.retrieve(person.subscription_id) == seen.found

    again = world.cancel(person)

    assert (again.status_code, again.json()["status"]) == (200, "pending_cancellation")
    assert row_of(world, person)["status"] == "pending_cancellation"
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    assert len(world.emails(person)) == 1


def test_a_request_is_reported_as_failed_if_stripe_is_unavailable_from_the_start(world: World) -> None:
    person = world.person("professional")
    row = row_of(world, person)

    with world.simulator.fault(kind="status", status=503, method="GET", contains=person.subscription_id, times=0):
        response = world.cancel(person)
        dashboard = world.http.get("/subscription", headers=person.headers)
        offer = world.http.get("/retention-offer", headers=person.headers)

    given_up(world, person, response)
    assert row_of(world, person) == row
    assert world.simulator.writes(person.subscription_id) == []
    # A dashboard shows our row; an offer that Stripe may be unable to honour is not made.
    assert (dashboard.status_code, dashboard.json()["status"]) == (200, "active")
    assert (offer.status_code, offer.headers["retry-after"]) == (503, "5")
    assert world.cancel(person).status_code == 200


@pytest.mark.parametrize("fault", LOSES_THE_RESPONSE)
def test_a_lost_response_is_resolved_by_the_state_in_stripe(
    world: World, attempts: Callable[[str], Attempt], fault: str
) -> None:
    seen = attempts(fault)
    person = seen.person

    assert (seen.response.status_code, seen.response.json()["status"]) == (200, "pending_cancellation")
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    assert len(effects(world, person)) == 1
    assert row_of(world, person)["status"] == "pending_cancellation"
    assert len(world.emails(person)) == 1
    [audit] = world.rows("SELECT outcome FROM audit_log WHERE user_id = %s", person.user_id)
    assert audit["outcome"] == "pending_cancellation"


def test_a_schedule_release_whose_response_was_lost_is_not_repeated(world: World) -> None:
    person = world.person("schedule_managed")
    schedule = world.stripe.subscriptions.retrieve(person.subscription_id).schedule
    assert isinstance(schedule, str)

    with world.simulator.fault(kind="lost_answer", method="POST", contains=f"{schedule}/release", times=0):
        response = world.cancel(person)

    assert response.status_code == 200
    assert len([w for w in world.simulator.writes(schedule) if w["status"] == 200 and not w["replayed"]]) == 1
    assert world.stripe.subscription_schedules.retrieve(schedule).status == "released"
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    [email] = world.emails(person)
    assert "You had a plan change scheduled" in email["text"]


def test_a_cancellation_that_has_dropped_a_scheduled_change_goes_on(world: World) -> None:
    person = world.person("schedule_managed")
    write = f"/v1/subscriptions/{person.subscription_id}"
    with world.simulator.fault(kind="status", status=500, method="POST", contains=write, times=0):
        response = world.cancel(person)
    assert (response.status_code, response.json()["status"]) == (202, "in_progress")
    request_id = UUID(world.request_id(response))

    expire_lease(world, request_id)

    assert when_done(world, request_id)["outcome"] == "pending_cancellation"
    [email] = world.emails(person)
    assert "You had a plan change scheduled" in email["text"]


@pytest.mark.parametrize("fault", ["500", "a false 200"])
def test_an_offer_that_stripe_did_not_apply_can_be_accepted_again(world: World, fault: str) -> None:
    person = world.person("enterprise")

    with world.simulator.fault(method="POST", contains=person.subscription_id, **LEAVES_NOTHING[fault]):
        response = world.accept(person)

    given_up(world, person, response, cut_off=fault in CUT_OFF)
    assert [offer["state"] for offer in world.belongings(person.user_id)["retention_offers"]] == ["withdrawn"]
    assert world.http.get("/retention-offer", headers=person.headers).json()["show_offer"] is True
    assert world.stripe.subscriptions.retrieve(person.subscription_id).discounts == []

    again = world.accept(person)

    assert (again.status_code, again.json()["retention_applied"]) == (200, True)
    assert len(world.stripe.subscriptions.retrieve(person.subscription_id).discounts) == 1
    offers = world.belongings(person.user_id)["retention_offers"]
    assert sorted(offer["state"] for offer in offers) == ["applied", "withdrawn"]
    assert len(world.belongings(person.user_id)["entitlements"]) == 1


def test_a_discount_whose_response_was_lost_is_applied_once(world: World) -> None:
    person = world.person("starter")

    with world.simulator.fault(kind="lost_answer", method="POST", contains=person.subscription_id, times=0):
        response = world.accept(person)

    assert (response.status_code, response.json()["discount"]) == (200, "20% off")
    assert len(effects(world, person)) == 1
    [discount] = world.stripe.subscriptions.retrieve(person.subscription_id).discounts
    [offer] = world.belongings(person.user_id)["retention_offers"]
    assert (offer["state"], offer["stripe_discount_id"]) == ("applied", discount)


def test_an_immediate_end_whose_response_was_lost_counts(world: World) -> None:
    """Stripe's DELETE has no idempotency key: the repeat is rejected, and the state in Stripe decides."""
    person = unpaid_from_the_start(world)

    with world.simulator.fault(kind="lost_answer", method="DELETE", contains=person.subscription_id):
        response = world.cancel(person)

    assert (response.status_code, response.json()["status"]) == (200, "canceled")
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "canceled"
    assert len(world.emails(person)) == 1


def test_a_coupon_that_cannot_be_created_is_reported_as_a_failure(world: World) -> None:
    coupon = "cancelflow-starter-20pct-3m"
    try:
        world.stripe.coupons.delete(coupon)
    except stripe.InvalidRequestError as missing:
        assert missing.code == "resource_missing"
    person = world.person("starter")

    with world.simulator.fault(kind="status", method="POST", path="^/v1/coupons$", contains=coupon, times=0):
        response = world.accept(person)

    given_up(world, person, response)
    assert world.simulator.writes(person.subscription_id) == []
    assert world.accept(person).status_code == 200


def test_a_slow_request_is_reported_as_in_progress_and_completed(
    world: World, attempts: Callable[[str], Attempt]
) -> None:
    seen = attempts(SLOW)
    person, request_id = seen.person, world.request_id(seen.response)

    assert seen.response.status_code == 202
    assert seen.response.json() == {"success": True, "status": "in_progress", "request_id": request_id}
    where = seen.response.headers["location"]
    assert where == f"/cancellation-requests/{request_id}"
    done = eventually(lambda: finished(world, person, where))
    assert done is not None
    assert (done.status_code, done.json()["status"]) == (200, "pending_cancellation")
    cancelled = [
        each for each in effects(world, person) if each["path"] == f"/v1/subscriptions/{person.subscription_id}"
    ]
    assert len(cancelled) == 1
    assert len(world.emails(person)) == 1


def finished(world: World, person: Person, where: str) -> httpx.Response | None:
    response = world.http.get(where, headers=person.headers)
    return None if response.status_code == 202 else response


@dataclass
class Undelivered:
    """A cancellation through a trigger that cannot reach a mail server, or Pub/Sub."""

    person: Person
    response: httpx.Response
    run: Row
    outbox: dict[str, Row]
    emails: list[Row]
    events: list[Any]
    consumer: Consumer


@pytest.fixture(scope="module")
def undelivered(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Undelivered]]:
    """Make one cancellation per outage. Their triggers have stopped, so only the stack's own finishes the work."""
    directory, nowhere = tmp_path_factory.mktemp("triggers"), f"127.0.0.1:{free_port()}"
    without = {"mail": {"SMTP_URL": f"smtp://{nowhere}"}, "events": {"PUBSUB_EMULATOR_HOST": nowhere}}
    with ExitStack() as consumers, ThreadPoolExecutor(len(without)) as threads:
        begun = {
            what: threads.submit(cancelled, world, directory, settings, consumers.enter_context(consuming()))
            for what, settings in without.items()
        }
        yield {what: undelivered.result() for what, undelivered in begun.items()}


def cancelled(world: World, directory: Path, settings: dict[str, str], consumer: Consumer) -> Undelivered:
    person = world.person("professional")
    asked = {"user_id": person.user_id, "reason": "unused"}
    with serving(directory, **settings) as trigger:
        response = trigger.post("/cancel-subscription", json=asked, headers=person.headers)
        # The stack's own trigger must wait until the unfinished work has been inspected.
        world.rows(
            "UPDATE cancellation_requests SET resume_at = now() + interval '1 hour' WHERE id = %s RETURNING id",
            world.request_id(response),
        )
    return Undelivered(
        person,
        response,
        world.run_of(response),
        outbox_of(world, person),
        world.emails(person),
        consumer.everything_of(person.user_id),
        consumer,
    )


def outbox_of(world: World, person: Person) -> dict[str, Row]:
    return {row["kind"]: row for row in world.rows("SELECT * FROM outbox WHERE user_id = %s", person.user_id)}


KINDS = {"mail": "cancellation_confirmation", "events": "subscription.canceled"}
FAILURES = {"mail": "mail-failed", "events": "events-failed"}


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.slow
def test_an_undelivered_message_does_not_delay_the_response(
    world: World, undelivered: dict[str, Undelivered], what: str
) -> None:
    seen = undelivered[what]
    [other] = set(KINDS) - {what}

    assert (seen.response.status_code, seen.response.json()["status"]) == (200, "pending_cancellation")
    assert seen.outbox[KINDS[what]]["delivered_at"] is None
    assert seen.outbox[KINDS[what]]["attempts"] == 1
    assert seen.outbox[KINDS[other]]["delivered_at"] is not None
    assert (len(seen.emails), len(seen.events)) == ((0, 1) if what == "mail" else (1, 0))
    assert f"undelivered:{FAILURES[what]}" in seen.run["tags"]
    assert "outcome:pending_cancellation" in seen.run["tags"]
    assert seen.run["state"]["type"] == "COMPLETED"
    assert seen.run["state"]["message"] == f"200 pending_cancellation; to be sent again: {FAILURES[what]}"
    assert world.stripe.subscriptions.retrieve(seen.person.subscription_id).cancel_at_period_end
    assert len(world.belongings(seen.person.user_id)["data_retention_jobs"]) == 1


@pytest.mark.slow
def test_an_undelivered_message_is_sent_later_and_once(world: World, undelivered: dict[str, Undelivered]) -> None:
    """Tests both outages together: the trigger's next round resumes whatever is due."""
    requests = {what: world.request_id(seen.response) for what, seen in undelivered.items()}
    for request_id in requests.values():
        due = world.admin.execute(
            "UPDATE cancellation_requests SET resume_at = now() WHERE id = %s AND resume_at > now()", [request_id]
        )
        assert due.rowcount == 1

    def all_done() -> bool:
        left = world.row(
            "SELECT count(*) FROM cancellation_requests WHERE id = ANY(%s::uuid[]) AND resume_at IS NOT NULL",
            list(requests.values()),
        )
        return bool(left["count"] == 0)

    eventually(all_done)

    for what, seen in undelivered.items():
        outbox = outbox_of(world, seen.person)
        assert all(item["delivered_at"] for item in outbox.values())
        assert (outbox[KINDS[what]]["attempts"], outbox[KINDS[what]]["refused"]) == (2, False)
        [other] = set(KINDS) - {what}
        assert outbox[KINDS[other]] == seen.outbox[KINDS[other]]
        [email] = world.emails(seen.person)
        assert email["message_id"] == f"<{outbox['cancellation_confirmation']['id']}@cancelflow>"
        [event] = seen.events + seen.consumer.everything_of(seen.person.user_id)
        assert body(event)["event_id"] == str(outbox["subscription.canceled"]["id"])
        assert body(event)["cancel_at"] == seen.response.json()["cancel_at"]
        assert len(effects(world, seen.person)) == 1
        belongings = world.belongings(seen.person.user_id)
        assert [len(belongings[table]) for table in ("cancellation_reasons", "data_retention_jobs")] == [1, 1]
        assert [row["outcome"] for row in belongings["audit_log"]] == ["pending_cancellation"]
        [request] = belongings["cancellation_requests"]
        assert (request["runs"], request["response"]) == (2, seen.response.json())


def test_a_malformed_address_is_given_up_and_not_retried_forever(world: World) -> None:
    person = world.person("professional")
    world.admin.execute("UPDATE users SET email = 'not an address' WHERE id = %s", [person.user_id])

    response = world.cancel(person)

    assert response.status_code == 200
    world.tried(person)
    email = outbox_of(world, person)["cancellation_confirmation"]
    assert (email["delivered_at"], email["attempts"], email["refused"]) == (None, 1, True)
    assert "undelivered:email-refused" in world.run_of(response)["tags"]
    [request] = world.belongings(person.user_id)["cancellation_requests"]
    assert request["resume_at"] is None
