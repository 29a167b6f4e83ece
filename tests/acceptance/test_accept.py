"""Accepting the offer: FEATURES W04 to W09, W31, W40, W41, each verified where its effect is stored."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
import stripe

from deployments.demo.cases import MONTHLY_PRICES
from tests.acceptance.subscribers import clock, subscriber
from tests.waiting import concurrently
from tests.world import Person, Row, World

UNAVAILABLE = "No retention offer is available for this subscription"
UNDER_WAY = "A request for this subscription is already under way"


class Offer(NamedTuple):
    plan: str
    percent_off: int
    months: int
    description: str

    @property
    def coupon(self) -> str:
        return f"cancelflow-{self.plan}-{self.percent_off}pct-{self.months}m"


OFFERS = (
    Offer("starter", 20, 3, "20% off for 3 months"),
    Offer("professional", 30, 3, "30% off for 3 months"),
    Offer("enterprise", 40, 6, "40% off for 6 months and priority support"),
)
PROFESSIONAL = OFFERS[1]

each_plan = pytest.mark.parametrize("offer", OFFERS, ids=[offer.plan for offer in OFFERS])


def offered(world: World, person: Person) -> Row:
    response = world.http.get("/retention-offer", headers=person.headers)
    assert response.status_code == 200
    found: Row = response.json()
    return found


def coupons_in_stripe(world: World, person: Person) -> list[str]:
    """Return the coupons behind the subscription's discounts, in Stripe's order."""
    found = world.stripe.subscriptions.retrieve(person.subscription_id, {"expand": ["discounts"]})
    coupons = []
    for discount in found.discounts:
        assert isinstance(discount, stripe.Discount)
        coupons.append(str(discount.source.coupon))
    return coupons


def offer_rows(world: World, person: Person) -> list[Row]:
    return world.rows("SELECT * FROM retention_offers WHERE user_id = %s ORDER BY id", person.user_id)


@each_plan
def test_each_plan_has_its_offer(world: World, offer: Offer) -> None:
    person = world.person(offer.plan)

    found = offered(world, person)

    assert found == {
        "retention_offer": {"discount": offer.percent_off, "description": offer.description},
        "show_offer": True,
    }
    assert list(found) == ["retention_offer", "show_offer"]
    assert list(found["retention_offer"]) == ["discount", "description"]
    assert world.simulator.writes(person.subscription_id) == []


@each_plan
def test_accepting_applies_the_discount_and_cancels_nothing(world: World, offer: Offer) -> None:
    person = world.person(offer.plan)

    response = world.accept(person)

    assert response.status_code == 200
    assert list(response.json().items()) == [
        ("success", True),
        ("retention_applied", True),
        ("discount", f"{offer.percent_off}% off"),
        ("duration", f"{offer.months} months"),
    ]
    [write] = world.simulator.writes(person.subscription_id)
    assert write["path"] == f"/v1/subscriptions/{person.subscription_id}"
    assert write["params"]["discounts"] == [{"coupon": offer.coupon}]
    assert "cancel_at_period_end" not in write["params"]
    assert write["idempotency_key"] == f"{world.request_id(response)}:5A:1"
    after = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert (after.status, after.cancel_at_period_end, after.cancel_at) == ("active", False, None)
    assert coupons_in_stripe(world, person) == [offer.coupon]

    [row] = offer_rows(world, person)
    assert (row["state"], row["percent_off"], row["months"]) == ("applied", offer.percent_off, offer.months)
    assert (row["coupon_id"], row["plan"]) == (offer.coupon, offer.plan)
    assert after.discounts == [row["stripe_discount_id"]]
    assert str(row["request_id"]) == world.request_id(response)
    belongings = world.belongings(person.user_id)
    [subscription] = belongings["subscriptions"]
    assert (subscription["status"], subscription["cancel_at"]) == ("active", None)
    for table in ("cancellation_reasons", "data_retention_jobs", "outbox"):
        assert belongings[table] == []
    [audit] = belongings["audit_log"]
    assert (audit["outcome"], audit["http_status"], audit["problem"]) == ("retained", 200, None)
    assert (audit["subscription_id"], audit["stripe_request_id"]) == (person.subscription_id, write["request_id"])
    assert world.emails(person) == []


def test_the_coupon_is_created_once_and_shared_by_all_customers(world: World) -> None:
    coupon = PROFESSIONAL.coupon
    if any(each.id == coupon for each in world.stripe.coupons.list({"limit": 100}).data):
        world.stripe.coupons.delete(coupon)
    first, second = world.person("professional"), world.person("professional")
    earlier = len(world.simulator.requests(method="POST", path="/v1/coupons", contains=coupon))

    response = world.accept(first)
    assert world.accept(second).status_code == 200

    [made] = world.simulator.requests(method="POST", path="/v1/coupons", contains=coupon)[earlier:]
    assert made["idempotency_key"] == f"{world.request_id(response)}:5A:coupon:1"
    assert world.stripe.coupons.retrieve(coupon).times_redeemed == 2
    assert coupons_in_stripe(world, first) == coupons_in_stripe(world, second) == [coupon]


@each_plan
def test_the_discount_has_the_terms_that_the_offer_promised(world: World, offer: Offer) -> None:
    """The coupon's terms, the next invoice, and priority support for the same period, on Enterprise only."""
    person = world.person(offer.plan)

    before = datetime.now(UTC)
    response = world.accept(person)

    coupon = world.stripe.coupons.retrieve(offer.coupon)
    assert (coupon.percent_off, coupon.amount_off) == (offer.percent_off, None)
    assert (coupon.duration, coupon.duration_in_months) == ("repeating", offer.months)
    preview = world.stripe.invoices.create_preview({"subscription": person.subscription_id})
    price = MONTHLY_PRICES[offer.plan]
    assert (preview.subtotal, preview.total) == (price, price * (100 - offer.percent_off) // 100)
    granted = world.rows(
        "SELECT *, starts_at AT TIME ZONE 'UTC' + interval '6 months' = ends_at AT TIME ZONE 'UTC' AS for_six_months"
        " FROM entitlements WHERE user_id = %s",
        person.user_id,
    )
    if offer.plan != "enterprise":
        assert granted == []
        return
    [support] = granted
    assert (support["kind"], support["subscription_id"]) == ("priority_support", person.subscription_id)
    assert str(support["request_id"]) == world.request_id(response)
    assert support["for_six_months"]
    assert before <= support["starts_at"] <= datetime.now(UTC)


def test_a_second_acceptance_within_six_months_is_refused_and_changes_nothing(world: World) -> None:
    person = world.person("enterprise")
    world.accept(person)
    discounts = world.stripe.subscriptions.retrieve(person.subscription_id).discounts
    offers, entitlements = offer_rows(world, person), world.belongings(person.user_id)["entitlements"]

    shown = offered(world, person)
    again = world.accept(person)

    assert shown == {"retention_offer": None, "show_offer": False}
    assert again.status_code == 409
    assert again.headers["content-type"] == "application/problem+json"
    assert again.json() == {
        "type": "urn:cancelflow:problem:offer-unavailable",
        "title": "Offer unavailable",
        "status": 409,
        "detail": UNAVAILABLE,
        "success": False,
        "request_id": world.request_id(again),
    }
    assert world.stripe.subscriptions.retrieve(person.subscription_id).discounts == discounts
    assert len(world.simulator.writes(person.subscription_id)) == 1
    assert offer_rows(world, person) == offers
    assert world.belongings(person.user_id)["entitlements"] == entitlements
    audit = world.rows("SELECT outcome, http_status FROM audit_log WHERE user_id = %s ORDER BY id", person.user_id)
    assert [tuple(row.values()) for row in audit] == [("retained", 200), ("refused", 409)]


def test_the_offer_is_available_again_after_six_calendar_months(world: World) -> None:
    time = clock(world)
    person = subscriber(world, on=time)
    accepted_at = datetime.fromtimestamp(time.now, UTC)
    world.accept(person)
    first = world.stripe.subscriptions.retrieve(person.subscription_id).discounts
    # Stripe's time advances by seven months, so that the discount has run out; our row is aged to match.
    time.advance(int((accepted_at + timedelta(days=214)).timestamp()))

    accepted_ago(world, person, "6 months -1 day")
    too_early = offered(world, person), world.accept(person).status_code
    accepted_ago(world, person, "6 months 1 minute")
    in_time = offered(world, person), world.accept(person)

    assert too_early == ({"retention_offer": None, "show_offer": False}, 409)
    assert in_time[0]["show_offer"]
    assert (in_time[1].status_code, in_time[1].json()["discount"]) == (200, "30% off")
    assert [row["state"] for row in offer_rows(world, person)] == ["applied", "applied"]
    assert coupons_in_stripe(world, person) == [PROFESSIONAL.coupon]
    second = world.stripe.subscriptions.retrieve(person.subscription_id).discounts
    assert second != first
    assert second == [offer_rows(world, person)[1]["stripe_discount_id"]]
    assert len(world.simulator.writes(person.subscription_id)) == 2


def accepted_ago(world: World, person: Person, ago: str) -> None:
    """Set the acceptance back by calendar months, which are counted in UTC."""
    world.admin.execute(
        "UPDATE retention_offers SET accepted_at = (now() AT TIME ZONE 'UTC' - %s::interval) AT TIME ZONE 'UTC'"
        " WHERE user_id = %s",
        [ago, person.user_id],
    )


@pytest.mark.parametrize("attempt", range(3))
def test_one_of_two_concurrent_acceptances_is_applied(world: World, attempt: int) -> None:
    person = world.person("enterprise")

    responses = concurrently(lambda: world.accept(person), lambda: world.accept(person))

    assert sorted(response.status_code for response in responses) == [200, 409]
    [refused] = [response for response in responses if response.status_code == 409]
    assert refused.json()["detail"] in (UNAVAILABLE, UNDER_WAY)
    assert len(world.simulator.writes(person.subscription_id)) == 1
    assert len(world.stripe.subscriptions.retrieve(person.subscription_id).discounts) == 1
    assert [row["state"] for row in offer_rows(world, person)] == ["applied"]
    assert len(world.belongings(person.user_id)["entitlements"]) == 1
    outcomes = world.rows("SELECT outcome FROM audit_log WHERE user_id = %s ORDER BY outcome", person.user_id)
    assert [row["outcome"] for row in outcomes] == ["refused", "retained"]


@pytest.mark.parametrize("attempt", range(2))
def test_a_user_who_accepts_for_two_subscriptions_concurrently_gets_one_discount(world: World, attempt: int) -> None:
    person = world.person("two_subscriptions")
    first, second = person.subscription_ids

    responses = concurrently(
        lambda: world.accept(person, subscription_id=first), lambda: world.accept(person, subscription_id=second)
    )

    assert sorted(response.status_code for response in responses) == [200, 409]
    [refused] = [response for response in responses if response.status_code == 409]
    assert refused.json()["detail"] == UNAVAILABLE
    discounted = [len(world.stripe.subscriptions.retrieve(each).discounts) for each in person.subscription_ids]
    assert sorted(discounted) == [0, 1]
    assert len(world.simulator.writes(first)) + len(world.simulator.writes(second)) == 1
    assert [row["state"] for row in offer_rows(world, person)] == ["applied"]


def test_accepting_needs_no_reason_and_stores_none(world: World) -> None:
    person = world.person("starter")

    response = world.accept(person, reason="too_expensive", feedback="changed my mind")

    assert response.status_code == 200
    assert world.belongings(person.user_id)["cancellation_reasons"] == []


def test_a_retained_customer_can_still_cancel(world: World) -> None:
    person = world.person("professional")
    world.accept(person)

    response = world.cancel(person)

    assert (response.status_code, response.json()["status"]) == (200, "pending_cancellation")
    after = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert after.cancel_at_period_end
    assert len(after.discounts) == 1


def test_an_unknown_plan_has_no_offer_but_can_be_cancelled(world: World) -> None:
    product = world.stripe.products.create({"name": "Legacy"}).id
    price = world.stripe.prices.create(
        {"product": product, "currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
    )
    person = subscriber(world, plan="legacy", price=price.id)

    shown, accepted = offered(world, person), world.accept(person)
    assert shown == {"retention_offer": None, "show_offer": False}
    assert (accepted.status_code, accepted.json()["detail"]) == (409, UNAVAILABLE)
    assert world.simulator.writes(person.subscription_id) == []

    assert world.cancel(person).json()["status"] == "pending_cancellation"
    assert world.belongings(person.user_id)["cancellation_reasons"][0]["plan"] == "legacy"
