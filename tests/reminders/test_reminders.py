"""Reminders: before billing resumes after a pause, and 14 days before a discount of more than 31 days ends (G02)."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe

from tests.waiting import eventually
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow


def accepted(world: World, offer: str, case: str = "professional", **choice: object) -> tuple[Person, Row]:
    """Accept an offer, and return its request once the confirmation is sent."""
    person = world.person(case)
    response = world.http.post(f"/offers/{offer}/accept", json=choice, headers=person.headers)
    assert response.status_code == 200, response.text
    world.tried(person)
    return person, world.row("SELECT * FROM change_requests WHERE user_id = %s", person.user_id)


def come_due(world: World, request: Row) -> None:
    """Let the reminder's time come, and wait until a trigger has dealt with it."""
    world.admin.execute("UPDATE change_requests SET remind_at = now() WHERE id = %s", [request["id"]])
    dealt_with = "SELECT FROM change_requests WHERE id = %s AND remind_at IS NULL"
    eventually(lambda: world.rows(dealt_with, request["id"]), within=120)


def reminders(world: World, person: Person) -> list[Row]:
    found = world.rows(
        "SELECT kind FROM outbox WHERE user_id = %s AND kind IN ('billing_resumes', 'discount_ends')", person.user_id
    )
    emails = world.emails(person)
    return [email for email in emails if len(found) and email["subject"] != emails[-1]["subject"]]


def test_a_reminder_is_due_some_days_before_billing_resumes(world: World) -> None:
    person, request = accepted(world, "pause", months=2)
    resumes_at = datetime.fromisoformat(request["agreed"]["resumes_at"])
    assert request["remind_at"] == resumes_at - timedelta(days=5)

    come_due(world, request)

    [email] = reminders(world, person)
    assert "$49.00" in email["text"]
    assert f"{resumes_at:%B} {resumes_at.day}, {resumes_at.year}" in email["text"]
    come_due(world, request)
    assert len(reminders(world, person)) == 1, "it is sent once"


def test_no_reminder_goes_to_a_customer_who_resumed_before(world: World) -> None:
    person, request = accepted(world, "pause", months=2)
    assert world.http.post("/resume-subscription", json={}, headers=person.headers).status_code == 200
    come_due(world, request)
    assert [each["kind"] for each in outbox(world, person)] == ["change_confirmation"] * 2


def test_a_reminder_says_when_a_discount_ends_and_what_is_charged_then(world: World) -> None:
    person, request = accepted(world, "retention-offer")
    ends_at = datetime.fromisoformat(request["agreed"]["discount_ends_at"])
    assert request["remind_at"] == ends_at - timedelta(days=14)

    come_due(world, request)

    [email] = reminders(world, person)
    assert "$34.30" in email["text"]
    assert "$49.00" in email["text"]
    assert "cancel" in email["text"]


@pytest.mark.parametrize("where", ["here", "in the portal"])
def test_the_end_of_a_discount_accepted_in_place_of_a_cancellation_is_announced(world: World, where: str) -> None:
    person = world.person("professional")
    if where == "here":
        assert world.accept(person).status_code == 200
    else:
        coupon = "cancelflow-professional-30pct-3m"
        world.simulator.portal(person.subscription_id, "accept_retention_coupon", coupon=coupon)
    applied = "SELECT * FROM retention_offers WHERE user_id = %s AND state = 'applied'"
    [offer] = eventually(lambda: world.rows(applied, person.user_id))
    [discount] = world.stripe.subscriptions.retrieve(person.subscription_id, {"expand": ["discounts"]}).discounts
    assert isinstance(discount, stripe.Discount)
    assert offer["remind_at"] == datetime.fromtimestamp(discount.end or 0, UTC) - timedelta(days=14)

    for _ in range(2):  # it is sent once
        world.admin.execute("UPDATE retention_offers SET remind_at = now() WHERE id = %s", [offer["id"]])
        eventually(lambda: world.rows(applied, person.user_id)[0]["remind_at"] is None, within=120)

    [email] = world.emails(person)
    assert "30% off for 3 months" in email["text"]
    assert "$34.30" in email["text"]
    assert "$49.00" in email["text"]


@pytest.mark.parametrize("change", ["discounts", "cancel"])
def test_no_reminder_is_sent_once_the_discount_is_gone_or_the_plan_ends(world: World, change: str) -> None:
    person, request = accepted(world, "retention-offer")
    if change == "discounts":
        world.stripe.subscriptions.update(person.subscription_id, {"discounts": ""})
    else:
        assert world.cancel(person).status_code == 200
    come_due(world, request)
    assert "discount_ends" not in [each["kind"] for each in outbox(world, person)]


def outbox(world: World, person: Person) -> list[Row]:
    return world.rows("SELECT kind FROM outbox WHERE user_id = %s AND kind NOT LIKE 'subscription.%%'", person.user_id)
