"""What a page requests before the customer decides: the offer and the subscription (SPEC, Decided 1; W06, W14)."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.subscribers import subscriber
from tests.http.conftest import Application
from tests.http.document import Document
from tests.world import Person, World

OFFER, STATUS = "/retention-offer", "/subscription"


def ask(world: World, path: str, person: Person, **query: str) -> httpx.Response:
    return world.http.get(path, headers=person.headers, params=query)


# The offer


@pytest.mark.parametrize(
    ("case", "offer"),
    [
        ("starter", {"discount": 20, "description": "20% off for 3 months"}),
        ("professional", {"discount": 30, "description": "30% off for 3 months"}),
        ("enterprise", {"discount": 40, "description": "40% off for 6 months and priority support"}),
        ("other_locale", {"discount": 30, "description": "30% off for 3 months"}),  # the specification's English
        ("past_due", {"discount": 30, "description": "30% off for 3 months"}),
        ("already_discounted", None),
        ("yearly", None),
        ("trialing", None),
        ("schedule_managed", None),
        ("already_pending", None),
        ("pending_in_stripe_only", None),
    ],
)
def test_each_case_has_the_expected_offer(
    world: World, document: Document, case: str, offer: dict[str, Any] | None
) -> None:
    person = world.person(case)
    response = ask(world, OFFER, person)
    assert response.status_code == 200
    assert response.json() == {"retention_offer": offer, "show_offer": offer is not None}
    document.check(response, OFFER)


def test_requesting_the_offer_changes_nothing(world: World) -> None:
    person = world.person("professional")
    before = len(world.simulator.writes(person.subscription_id))
    assert [ask(world, OFFER, person).json()["show_offer"] for _ in range(2)] == [True, True]
    assert len(world.simulator.writes(person.subscription_id)) == before
    for table in ("retention_offers", "cancellation_requests", "audit_log"):
        assert world.rows(f"SELECT FROM {table} WHERE user_id = %s", person.user_id) == []


def test_a_shown_offer_is_counted_once_a_day(world: World) -> None:
    person = world.person("professional")
    for _ in range(3):
        assert ask(world, OFFER, person).json()["show_offer"]
    shown = world.row("SELECT * FROM offers_shown WHERE user_id = %s", person.user_id)
    assert (shown["subscription_id"], shown["plan"]) == (person.subscription_id, "professional")
    assert shown["shown_on"] == shown["shown_at"].astimezone(UTC).date()
    world.admin.execute("UPDATE offers_shown SET shown_on = shown_on - 1 WHERE user_id = %s", [person.user_id])
    ask(world, OFFER, person)
    assert len(world.rows("SELECT 1 FROM offers_shown WHERE user_id = %s", person.user_id)) == 2


@pytest.mark.parametrize("case", ["yearly", "already_pending"])
def test_a_missing_offer_is_not_counted_as_shown(world: World, case: str) -> None:
    person = world.person(case)
    assert not ask(world, OFFER, person).json()["show_offer"]
    assert world.rows("SELECT 1 FROM offers_shown WHERE user_id = %s", person.user_id) == []


def test_an_offer_is_shown_even_if_it_cannot_be_counted(world: World) -> None:
    person = world.person("professional")
    refuse = "ALTER TABLE offers_shown ADD CONSTRAINT refuse_this CHECK (subscription_id <> '{}') NOT VALID"
    world.admin.execute(refuse.format(person.subscription_id).encode())
    try:
        assert ask(world, OFFER, person).json()["show_offer"]
    finally:
        world.admin.execute("ALTER TABLE offers_shown DROP CONSTRAINT refuse_this")
    assert world.rows("SELECT 1 FROM offers_shown WHERE user_id = %s", person.user_id) == []


def test_an_unknown_plan_has_no_offer(world: World, document: Document) -> None:
    product = world.stripe.products.create({"name": "Business"}).id
    price = world.stripe.prices.create(
        {"product": product, "currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
    )
    person = subscriber(world, plan="business", price=price.id)
    response = ask(world, OFFER, person)
    assert response.json() == {"retention_offer": None, "show_offer": False}
    document.check(response, OFFER)


# The subscription


def test_an_active_subscription_is_shown(world: World, document: Document) -> None:
    person = world.person("professional")
    response = ask(world, STATUS, person)
    [item] = world.stripe.subscriptions.retrieve(person.subscription_id)["items"].data
    assert response.status_code == 200
    assert response.json() == {
        "subscription_id": person.subscription_id,
        "plan": "professional",
        "plan_name": "Professional",
        "status": "active",
        "access": True,
        "current_period_end": rfc3339(item.current_period_end),
        "cancel_at_period_end": False,
        "cancel_at": None,
        "banner": None,
        "paused": False,
        "resumes_at": None,
        "discounts": [],
        "scheduled_change": None,
        "next_charge": {
            "amount": 4900,
            "currency": "usd",
            "formatted": "$49.00",
            "at": rfc3339(item.current_period_end),
        },
    }
    document.check(response, STATUS)


def rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("case", ["already_pending", "pending_in_stripe_only"])
def test_a_pending_subscription_shows_when_it_ends(world: World, document: Document, case: str) -> None:
    person = world.person(case)
    response = ask(world, STATUS, person)
    ends = world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at
    assert ends is not None
    day = datetime.fromtimestamp(ends, UTC)
    shown = response.json()
    assert (shown["status"], shown["access"], shown["cancel_at_period_end"]) == ("pending_cancellation", True, True)
    assert shown["cancel_at"] == rfc3339(ends)
    assert shown["banner"] == f"Cancels on {day:%B} {day.day}, {day.year}"
    document.check(response, STATUS)


def test_a_look_up_repairs_the_row(world: World) -> None:
    person = world.person("pending_in_stripe_only")
    row = "SELECT status, cancel_at IS NOT NULL AS dated FROM subscriptions WHERE user_id = %s"
    assert world.row(row, person.user_id) == {"status": "active", "dated": False}
    ask(world, STATUS, person)
    assert world.row(row, person.user_id) == {"status": "pending_cancellation", "dated": True}


@pytest.mark.parametrize(("case", "status"), [("trialing", "trialing"), ("past_due", "past_due"), ("yearly", "active")])
def test_the_status_is_the_one_in_stripe(world: World, document: Document, case: str, status: str) -> None:
    response = ask(world, STATUS, world.person(case))
    assert (response.json()["status"], response.json()["access"]) == (status, True)
    document.check(response, STATUS)


def test_an_ended_subscription_is_still_shown(world: World, document: Document) -> None:
    person = world.person("professional")
    world.stripe.subscriptions.cancel(person.subscription_id)
    responses = [ask(world, STATUS, person) for _ in range(2)]  # the first look-up repairs the row
    for response in responses:
        assert (response.json()["status"], response.json()["access"], response.json()["banner"]) == (
            "canceled",
            False,
            None,
        )
        document.check(response, STATUS)
    refused = ask(world, OFFER, person)
    assert (refused.status_code, refused.json()["detail"]) == (404, "No active subscription to cancel")


def test_our_row_is_shown_if_stripe_is_unavailable(world: World, document: Document) -> None:
    person = world.person("professional")
    with world.simulator.fault(kind="status", status=503, times=0, contains=person.subscription_id):
        response = ask(world, STATUS, person)
        refused = ask(world, OFFER, person)
    assert (response.status_code, response.json()["status"]) == (200, "active")
    document.check(response, STATUS)
    # An offer is a promise, so it is not made from stored data.
    assert refused.status_code == 503
    assert refused.json()["detail"] == "Stripe is not reachable. Nothing was changed: try again"
    assert refused.headers["retry-after"] == "5"
    document.check(refused, OFFER)


# Both


@pytest.mark.parametrize("path", [OFFER, STATUS])
def test_several_subscriptions_require_a_subscription_id(world: World, document: Document, path: str) -> None:
    person = world.person("two_subscriptions")
    refused = ask(world, path, person)
    assert refused.status_code == 409
    assert {choice["subscription_id"] for choice in refused.json()["subscriptions"]} == set(person.subscription_ids)
    document.check(refused, path)
    for subscription_id in person.subscription_ids:
        response = ask(world, path, person, subscription_id=subscription_id)
        assert response.status_code == 200
        document.check(response, path)


@pytest.mark.parametrize("path", [OFFER, STATUS])
def test_another_users_subscription_is_not_found(world: World, document: Document, path: str) -> None:
    person, other = world.person("starter"), world.person("professional")
    for subscription_id in (other.subscription_id, "sub_unknown"):
        response = ask(world, path, person, subscription_id=subscription_id)
        assert (response.status_code, response.json()["detail"]) == (404, "No active subscription to cancel")
        document.check(response, path)


@pytest.mark.parametrize("path", [OFFER, STATUS])
def test_a_customer_without_a_subscription_gets_404(world: World, document: Document, path: str) -> None:
    response = ask(world, path, world.person("no_subscription"))
    assert (response.status_code, response.json()["detail"]) == (404, "No active subscription to cancel")
    document.check(response, path)


@pytest.mark.parametrize("path", [OFFER, STATUS])
@pytest.mark.parametrize("wrong", ["", "sub 1", "sub_1'; --", "../sub", "sub_\x00", "ü", "x" * 256])
def test_an_invalid_subscription_id_is_refused_and_not_repeated(
    world: World, document: Document, path: str, wrong: str
) -> None:
    response = world.http.get(path, headers=world.headers(str(uuid4())), params={"subscription_id": wrong})
    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == "subscription_id"
    assert not wrong or wrong not in response.text.replace(response.json()["errors"][0]["detail"], "")
    document.check(response, path)


@pytest.mark.parametrize("path", [OFFER, STATUS])
def test_an_unavailable_database_is_reported_with_503(
    application: Application, world: World, document: Document, without_a_database: dict[str, str], path: str
) -> None:
    headers = world.headers(str(uuid4()))

    async def scenario() -> httpx.Response:
        async with application(**without_a_database) as client:
            return await client.get(path, headers=headers)

    response = asyncio.run(scenario())
    assert response.status_code == 503
    assert response.json()["detail"] == "The database is not reachable. Nothing was changed: try again"
    assert "hunter2" not in response.text
    document.check(response, path)
