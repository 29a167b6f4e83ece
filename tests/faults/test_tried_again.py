"""A failed request whose customer tried again successfully stays failed: nothing is done or announced twice."""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest

from tests.faults.unfinished import expire_lease, when_done
from tests.world import Person, World

pytestmark = pytest.mark.slow

Ask = Callable[[World, Person], httpx.Response]


def failed_then_done(world: World, person: Person, ask: Ask) -> UUID:
    """Let a call fail without a connection to Stripe, and the customer's next one succeed; return the first's id."""
    with world.simulator.fault(kind="refuse", method="POST", contains=person.subscription_id, times=0):
        failed = ask(world, person)
    assert failed.status_code == 500, failed.text
    assert ask(world, person).status_code == 200
    return UUID(world.request_id(failed))


def with_key(world: World, person: Person) -> httpx.Response:
    """Cancel with the same `Idempotency-Key` each time."""
    body = {"user_id": person.user_id, "reason": "too_expensive"}
    return world.http.post("/cancel-subscription", json=body, headers={"Idempotency-Key": "again", **person.headers})


def test_a_cancellation_stays_failed_once_another_one_did_it(world: World) -> None:
    person = world.person("professional")
    request_id = failed_then_done(world, person, World.cancel)

    expire_lease(world, request_id)

    assert when_done(world, request_id)["outcome"] == "failed"
    [email] = world.emails(person)
    assert email["subject"].startswith("Cancellation confirmed")


def test_a_discount_stays_failed_once_another_one_was_added(world: World) -> None:
    assert world.accept(world.person("professional")).status_code == 200  # creates the coupon
    person = world.person("professional")
    request_id = failed_then_done(world, person, World.accept)

    expire_lease(world, request_id)

    assert when_done(world, request_id)["outcome"] == "failed"
    assert world.emails(person) == []  # neither a correction nor a refusal
    offers = world.rows("SELECT state FROM retention_offers WHERE user_id = %s", person.user_id)
    assert [each["state"] for each in offers].count("applied") == 1


def test_a_call_that_is_repeated_after_another_one_did_it_is_refused(world: World) -> None:
    person = world.person("professional")
    with world.simulator.fault(kind="refuse", method="POST", contains=person.subscription_id, times=0):
        assert with_key(world, person).status_code == 500
    assert world.cancel(person).status_code == 200

    again = with_key(world, person)

    assert (again.status_code, again.json()["detail"]) == (409, "Subscription already scheduled for cancellation")
    assert len(world.emails(person)) == 1


def test_a_call_that_is_repeated_after_a_reactivation_cancels(world: World) -> None:
    person = world.person("professional")
    with world.simulator.fault(kind="refuse", method="POST", contains=person.subscription_id, times=0):
        assert with_key(world, person).status_code == 500
    assert world.cancel(person).status_code == 200
    back = world.http.post("/reactivate-subscription", json={"user_id": person.user_id}, headers=person.headers)
    assert back.status_code == 200

    again = with_key(world, person)

    assert (again.status_code, again.json()["status"]) == (200, "pending_cancellation")
