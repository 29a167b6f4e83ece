"""One call for every live subscription of its caller (FEATURES C01, C29): a result for each, and none hidden."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from deployments.demo.cases import Case
from deployments.demo.customers import GOOD_CARD
from tests.acceptance.subscribers import subscribing_to
from tests.faults.unfinished import when_done
from tests.waiting import concurrently
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]


def three(world: World) -> Person:
    """Create a customer with three live subscriptions, oldest first."""
    person = subscribing_to(world, world.person("two_subscriptions"), "enterprise")
    rows = world.rows("SELECT id FROM subscriptions WHERE user_id = %s ORDER BY created_at, id", person.user_id)
    return replace(person, subscription_ids=[row["id"] for row in rows])


def every(world: World, person: Person, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {**person.headers, **({"Idempotency-Key": key} if key else {})}
    return world.http.post(
        "/cancel-subscription",
        json={"user_id": person.user_id, "reason": "unused", "every_subscription": True, **body},
        headers=headers,
    )


def results(response: httpx.Response) -> dict[str, Row]:
    return {each["subscription_id"]: each for each in response.json()["results"]}


def ends(world: World, subscription_id: str) -> bool:
    return bool(world.stripe.subscriptions.retrieve(subscription_id).cancel_at_period_end)


def requests_of(world: World, person: Person) -> list[Row]:
    return world.rows("SELECT * FROM cancellation_requests WHERE user_id = %s ORDER BY received_at", person.user_id)


def test_every_live_subscription_is_cancelled_by_a_request_of_its_own(world: World) -> None:
    person = three(world)

    response = every(world, person, feedback="Closing my company")

    assert response.status_code == 200
    assert response.json()["success"] is True
    assert [each["subscription_id"] for each in response.json()["results"]] == person.subscription_ids
    ids = response.headers["Cancellation-Request-Id"].split(", ")
    for request_id, each in zip(ids, response.json()["results"], strict=True):
        assert (each["status_code"], each["response"]["status"]) == (200, "pending_cancellation")
        assert ends(world, each["subscription_id"])
        row = when_done(world, UUID(request_id))
        assert (row["subscription_id"], row["response"]) == (each["subscription_id"], each["response"])
        shown = world.http.get(f"/cancellation-requests/{request_id}", headers=person.headers)
        assert (shown.status_code, shown.json()) == (200, each["response"])
        [audited] = world.rows("SELECT outcome FROM audit_log WHERE request_id = %s", request_id)
        assert audited["outcome"] == "pending_cancellation"
    assert len({str(email["html"]) for email in world.emails(person)}) == 3


def test_one_live_subscription_gets_the_same_shape(world: World) -> None:
    person = world.person("professional")
    response = every(world, person)
    assert response.status_code == 200
    assert list(results(response)) == [person.subscription_id]


def test_without_a_live_subscription_the_response_is_the_specified_404(world: World) -> None:
    person = world.person("no_subscription")
    response = every(world, person)
    assert (response.status_code, response.json()["detail"]) == (404, "No active subscription to cancel")
    assert [row["outcome"] for row in requests_of(world, person)] == ["refused"]


def test_a_pending_one_and_a_past_due_one_are_each_treated_as_alone(world: World) -> None:
    person = three(world)
    pending, _, fresh = person.subscription_ids
    assert world.cancel(person, subscription_id=pending).status_code == 200
    when_done(world, requests_of(world, person)[0]["id"])

    response = every(world, person)

    assert response.status_code == 200
    assert response.json()["success"] is False
    each = results(response)
    assert each[pending]["status_code"] == 409
    assert each[pending]["response"]["detail"] == "Subscription already scheduled for cancellation"
    assert each[fresh]["status_code"] == 200
    assert all(ends(world, one) for one in person.subscription_ids)


def test_a_past_due_subscription_ends_immediately(world: World) -> None:
    person = world.person("past_due")
    customer = str(world.stripe.subscriptions.retrieve(person.subscription_id).customer)
    card = world.stripe.payment_methods.attach(GOOD_CARD, {"customer": customer})
    world.stripe.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})
    unpaid, paid = subscribing_to(world, person, "starter").subscription_ids

    response = every(world, person)

    each = results(response)
    assert (response.status_code, each[unpaid]["response"]["status"]) == (200, "canceled")
    assert each[paid]["response"]["status"] == "pending_cancellation"


def test_a_failure_of_stripe_for_one_undoes_none_of_the_others_and_is_shown(world: World) -> None:
    person = three(world)
    first, failing, last = person.subscription_ids
    with world.simulator.fault(kind="status", method="POST", contains=failing, times=0):
        response = every(world, person, key="one call")

    each = results(response)
    assert (response.status_code, response.json()["success"]) == (200, False)
    assert (each[failing]["status_code"], each[failing]["response"]["detail"]) == (
        500,
        "Cancellation failed, try again",
    )
    assert [ends(world, one) for one in (first, failing, last)] == [True, False, True]

    again = every(world, person, key="one call")  # repeats only what failed

    assert (again.status_code, again.json()["success"]) == (200, True)
    assert results(again)[first] == each[first]
    assert ends(world, failing)
    assert len(requests_of(world, person)) == 3


def test_a_repeated_call_with_its_key_returns_the_same_and_another_body_is_refused(world: World) -> None:
    person = world.person("two_subscriptions")
    first = every(world, person, key="k")
    again = every(world, person, key="k")
    assert (again.status_code, again.content) == (200, first.content)
    assert len(requests_of(world, person)) == 2

    other = every(world, person, key="k", every_subscription=False)

    assert (other.status_code, other.json()["type"]) == (422, "urn:cancelflow:problem:key-reused")


def test_of_two_concurrent_calls_each_subscription_is_cancelled_by_one(world: World) -> None:
    person = three(world)

    responses = concurrently(*[lambda: every(world, person)] * 2)

    for subscription_id in person.subscription_ids:
        statuses = sorted(results(each)[subscription_id]["status_code"] for each in responses)
        assert statuses == [200, 409]
        assert ends(world, subscription_id)
        writes = [w for w in world.simulator.writes(subscription_id) if w["path"].endswith(subscription_id)]
        assert len(writes) == 1
    assert len(world.emails(person)) == 3


@pytest.mark.parametrize(
    ("change", "status", "detail"),
    [
        ({"subscription_id": "sub_1"}, 400, "not both"),
        ({"reason": None}, 400, "Cancellation reason required"),
        ({"user_id": "another"}, 403, "A user can cancel only their own subscription"),
    ],
    ids=["a named one too", "no reason", "another user"],
)
def test_a_call_that_is_wrong_as_a_whole_is_refused_as_a_whole(
    world: World, change: dict[str, Any], status: int, detail: str
) -> None:
    person = world.person("two_subscriptions")
    response = every(world, person, **change)
    assert response.status_code == status
    assert detail in response.json()["detail"]
    assert not any(ends(world, one) for one in person.subscription_ids)
    assert len(world.rows("SELECT FROM audit_log WHERE user_id = %s", person.user_id)) == 1


def test_a_customer_wide_pause_pauses_each_subscription_and_they_resume_together(world: World) -> None:
    person = world.made(Case("two", plans=("professional", "starter")))

    paused = world.http.post(
        "/offers/pause/accept", json={"months": 1, "every_subscription": True}, headers=person.headers
    )

    assert (paused.status_code, paused.json()["success"]) == (200, True)
    assert results(paused).keys() == set(person.subscription_ids)
    for each in person.subscription_ids:
        assert results(paused)[each]["response"]["change"] == "pause"
        assert world.stripe.subscriptions.retrieve(each).pause_collection is not None

    resumed = world.http.post("/resume-subscription", json={"every_subscription": True}, headers=person.headers)

    assert (resumed.status_code, resumed.json()["success"]) == (200, True)
    assert [world.stripe.subscriptions.retrieve(each).pause_collection for each in person.subscription_ids] == [
        None
    ] * 2


def test_an_offer_that_fits_one_subscription_only_is_accepted_there(world: World) -> None:
    person = world.made(Case("two", plans=("professional", "starter")))
    assert world.cancel(person, subscription_id=person.subscription_ids[0]).status_code == 200

    paused = world.http.post(
        "/offers/pause/accept", json={"months": 1, "every_subscription": True}, headers=person.headers
    )

    first, second = (results(paused)[each] for each in person.subscription_ids)
    assert (paused.status_code, paused.json()["success"]) == (200, False)
    assert (first["status_code"], first["response"]["reason"]) == (409, "pending_cancellation")
    assert second["status_code"] == 200
