"""The call after a cancellation: each gate with its reason, and the vendor gets it once (FEATURES A01 to A08, A19)."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.call_customer import call_customer
from nodes.calls import callee, step_02_place_call
from nodes.calls.callee import Callee, callee_of
from nodes.calls.records import WaitingCall
from nodes.errors import BillingFailed
from nodes.rules.consents import Consent
from nodes.rules.names import given_and_family
from tests.calls.company import NUMBERS, Company, in_hours, out_of_hours
from tests.waiting import eventually
from tests.webhooks.events import ENDPOINT, envelope, events_about, order, settled
from tests.world import Person

ZONES = dict(zip(("Europe/London", "Asia/Tokyo", "America/Los_Angeles"), NUMBERS, strict=True))


def test_a_customer_who_agreed_is_called_once_after_cancelling(company: Company) -> None:
    person = company.customer()
    company.consents(person)
    number = company.world.stripe.customers.retrieve(company.stripe_customer(person)).phone
    user = company.world.row("SELECT name, email FROM users WHERE id = %s", person.user_id)

    call = company.cancels(person)

    assert (call["state"], call["gate"], call["attempts"]) == ("placed", None, 1)
    [heard] = company.heard(person)
    assert heard.valid
    first_name, last_name = given_and_family(user["name"])
    assert heard.body == {
        "type": "calls.execute",
        "data": {"phoneNumber": number, "firstName": first_name, "lastName": last_name, "email": user["email"]},
    }
    assert company.audited(person) == [("placed", None)]

    company.calls(person)
    assert len(company.heard(person)) == 1


def test_the_number_that_the_customer_agreed_to_goes_before_the_one_in_stripe(company: Company) -> None:
    person = company.customer("+800 1234 5678")
    number = next(filter(in_hours, NUMBERS))
    agreed = {"channel": "phone", "accepted": True, "wording_version": 2, "language": "en", "source": "form"}
    response = company.http.post("/consents", json={**agreed, "phone_number": number}, headers=person.headers)
    assert response.status_code == 200, response.text

    assert company.cancels(person)["state"] == "placed"

    [heard] = company.heard(person)
    assert heard.body["data"]["phoneNumber"] == number


def test_a_number_that_is_replaced_at_the_last_moment_is_looked_up_anew(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = company.leaver()

    async def agreeing_anew_meanwhile(call: WaitingCall, consent: Consent) -> Callee | None:
        found = await callee_of(call, consent)
        company.consents(person)
        return found

    monkeypatch.setattr(step_02_place_call, "callee_of", agreeing_anew_meanwhile)
    company.run(call_customer.fn(company.id_of(person)))
    assert company.audited(person)[1:2] == [("waiting", "consent_changed")]
    eventually(lambda: company.call(person)["state"] == "placed")  # by the trigger
    assert len(company.heard(person)) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("meanwhile", "gates"),
    [
        ("UPDATE subscriptions SET live_again_at = now() WHERE user_id = %(user)s", {"reactivated"}),
        (
            "UPDATE users SET time_zone = %(elsewhere)s WHERE id = %(user)s",
            {"outside_calling_hours", "no_calling_hours"},
        ),
    ],
)
def test_a_gate_that_closes_while_stripe_responds_is_noticed(
    company: Company, monkeypatch: pytest.MonkeyPatch, meanwhile: str, gates: set[str]
) -> None:
    person = company.leaver()
    elsewhere = next(zone for zone, number in ZONES.items() if out_of_hours(number))

    async def slowly(call: WaitingCall, consent: Consent) -> Callee | None:
        found = await callee_of(call, consent)
        company.world.admin.execute(meanwhile.encode(), {"user": person.user_id, "elsewhere": elsewhere})
        return found

    monkeypatch.setattr(step_02_place_call, "callee_of", slowly)
    call = company.calls(person)
    assert call["gate"] in gates
    assert call["attempts"] == 0
    assert company.heard(person) == []


@pytest.mark.slow
def test_while_stripe_is_slow_no_call_is_decided(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    person = company.leaver()
    monkeypatch.setattr(callee, "STRIPE_SECONDS", 0.2)
    slow = company.world.simulator.fault(kind="delay", seconds=5, contains=company.stripe_customer(person), times=0)
    with slow, pytest.raises(BillingFailed, match="in time"):
        company.run(call_customer.fn(company.id_of(person)))
    assert company.call(person)["state"] == "waiting"


def test_nobody_is_called_without_consent(company: Company) -> None:
    person = company.customer()
    call = company.cancels(person)
    assert (call["state"], call["gate"], call["due_at"]) == ("not_placed", "no_consent", None)
    assert company.audited(person) == [("not_placed", "no_consent")]
    assert company.heard(person) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "gate"),
    [("", "no_phone_number"), ("call my office", "phone_number_invalid"), ("+800 1234 5678", "no_calling_hours")],
)
def test_a_number_that_cannot_be_called_is_skipped_with_its_reason(company: Company, number: str, gate: str) -> None:
    person = company.leaver()
    company.number(person, number)
    call = company.calls(person)
    assert (call["state"], call["gate"]) == ("not_placed", gate)
    assert company.audited(person)[-1] == ("not_placed", gate)
    assert company.heard(person) == []


@pytest.mark.parametrize("version", [None, 1])
def test_consent_that_was_revoked_or_is_too_old_closes_the_gate(company: Company, version: int | None) -> None:
    person = company.leaver()
    company.consents(person, version)
    assert company.calls(person)["gate"] == "no_consent"
    assert company.heard(person) == []


@pytest.mark.slow
def test_a_customer_deleted_in_stripe_is_not_called(company: Company) -> None:
    person = company.leaver()
    company.world.stripe.customers.delete(company.stripe_customer(person))
    assert company.calls(person)["gate"] == "customer_deleted"
    assert company.heard(person) == []


def test_a_customer_who_came_back_is_not_called_even_if_the_event_is_late(company: Company) -> None:
    person = company.leaver()
    order(company.world, "portal", subscription=person.subscription_id, action="undo")
    assert company.calls(person)["gate"] == "reactivated"
    assert company.heard(person) == []


@pytest.mark.slow
def test_a_customer_who_reactivated_here_is_not_called(company: Company) -> None:
    person = company.leaver()
    response = company.http.post("/reactivate-subscription", json={"user_id": person.user_id}, headers=person.headers)
    assert response.status_code == 200, response.text
    assert company.calls(person)["gate"] == "reactivated"


@pytest.mark.slow
@pytest.mark.parametrize(("status", "came_back"), [("active", True), ("trialing", True), ("incomplete", False)])
def test_a_customer_who_subscribed_anew_is_not_called(company: Company, status: str, came_back: bool) -> None:
    person = company.leaver()
    company.world.admin.execute(
        """INSERT INTO subscriptions (id, user_id, stripe_customer_id, plan, status, current_period_start,
            current_period_end)
        SELECT id || '_anew', user_id, stripe_customer_id, plan, %s, now(), now() + interval '1 month'
        FROM subscriptions WHERE user_id = %s""",
        [status, person.user_id],
    )
    assert company.calls(person)["gate"] == ("reactivated" if came_back else None)


def test_a_call_waits_for_calling_hours(company: Company) -> None:
    person = company.leaver(next(filter(out_of_hours, NUMBERS)))
    call = company.calls(person)
    assert (call["state"], call["gate"]) == ("waiting", "outside_calling_hours")
    # An hour more than from 21:00 to 8:00, for the night in which clocks go back.
    assert timedelta(0) < call["due_at"] - datetime.now(UTC) < timedelta(hours=12, minutes=1)
    company.calls(person)
    assert company.audited(person)[1:] == [("waiting", "outside_calling_hours")]
    assert company.heard(person) == []


@pytest.mark.slow
def test_the_customers_own_time_zone_counts_too(company: Company) -> None:
    person = company.leaver()
    elsewhere = next(zone for zone, number in ZONES.items() if out_of_hours(number))
    company.world.admin.execute("UPDATE users SET time_zone = %s WHERE id = %s", [elsewhere, person.user_id])
    assert company.calls(person)["gate"] in ("outside_calling_hours", "no_calling_hours")


@pytest.mark.slow
def test_no_call_is_placed_while_the_script_may_not_be_used(company: Company) -> None:
    person = company.leaver()
    call = company.calls(person, call_script_fields={})
    assert (call["state"], call["gate"]) == ("waiting", "script_invalid")
    assert company.heard(person) == []
    assert company.calls(person)["state"] == "placed"


@pytest.mark.slow
def test_the_daily_limit_puts_a_call_off_to_the_next_day(company: Company) -> None:
    person = company.leaver()
    call = company.calls(person, calls_per_day=0)
    assert (call["state"], call["gate"]) == ("waiting", "daily_limit")
    midnight = call["due_at"].astimezone(UTC)
    assert (midnight.hour, midnight.minute) == (0, 0)
    assert company.heard(person) == []


@pytest.mark.slow
def test_an_attempt_on_a_later_day_counts_for_that_day(company: Company) -> None:
    person = company.leaver()
    company.vendor.status = 503
    assert company.calls(person)["attempts"] == 1
    company.vendor.status = 204
    company.world.admin.execute(
        "UPDATE calls SET tried_at = now() - interval '1 day' WHERE user_id = %s", [person.user_id]
    )
    call = company.calls(person, calls_per_day=0)
    assert (call["state"], call["gate"], call["attempts"]) == ("waiting", "daily_limit", 1)
    assert company.heard(person) == []


@pytest.mark.slow
def test_a_call_that_waited_too_long_is_not_placed(company: Company) -> None:
    person = company.leaver()
    company.world.admin.execute(
        "UPDATE calls SET created_at = now() - interval '3 days 1 minute' WHERE user_id = %s", [person.user_id]
    )
    assert company.calls(person)["gate"] == "too_late"


@pytest.mark.slow
def test_a_customer_is_called_once_about_several_cancellations(company: Company) -> None:
    person = company.leaver()
    company.world.admin.execute(
        """INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer, resume_at)
        VALUES (%(user)s, %(user)s, false, NULL)""",
        {"user": person.user_id},
    )
    company.world.admin.execute(
        """INSERT INTO calls (request_id, user_id, state, due_at, tried_at, placed_at)
        SELECT id, user_id, 'placed', NULL, now() - interval '23 hours', now() - interval '23 hours'
        FROM cancellation_requests WHERE user_id = %s AND subscription_id IS NULL""",
        [person.user_id],
    )
    first = company.world.row("SELECT id FROM calls WHERE user_id = %s AND state = 'waiting'", person.user_id)
    company.run(call_customer.fn(first["id"]))
    call = company.world.row("SELECT * FROM calls WHERE id = %s", first["id"])
    assert (call["state"], call["gate"]) == ("not_placed", "called_already")


def delivered(company: Company, person: Person, kind: str) -> None:
    """Deliver Stripe's events of a kind about the subscription to the company's trigger."""
    for event in events_about(company.world, person.subscription_id, kind):
        headers, body = envelope(company.world, event.id)
        assert company.http.post(ENDPOINT, content=body, headers=headers).status_code == 200


@pytest.mark.slow
def test_a_cancellation_in_stripes_portal_is_followed_by_one_call(company: Company) -> None:
    person = company.customer()
    company.consents(person)
    with company.world.simulator.losing_webhooks():
        order(company.world, "portal", subscription=person.subscription_id, action="cancel", comment="Too dear.")
    delivered(company, person, "customer.subscription.updated")
    placed = "SELECT FROM calls WHERE user_id = %s AND state = 'placed'"
    eventually(lambda: company.world.rows(placed, person.user_id), within=60)

    company.world.stripe.subscriptions.update(person.subscription_id, {"metadata": {"seen": "yes"}})
    delivered(company, person, "customer.subscription.updated")
    settled(company.world, person, events=1)
    assert len(company.heard(person)) == 1


@pytest.mark.slow
def test_an_end_that_was_not_requested_is_not_followed_by_a_call(company: Company) -> None:
    person = company.customer()
    company.consents(person)
    with company.world.simulator.losing_webhooks():
        order(company.world, "end", subscription=person.subscription_id, reason="payment_failed")
    delivered(company, person, "customer.subscription.deleted")
    settled(company.world, person, events=1)
    [end] = company.world.rows("SELECT kind FROM subscription_ends WHERE user_id = %s", person.user_id)
    assert end["kind"] == "payment_failed"
    assert company.world.rows("SELECT FROM calls WHERE user_id = %s", person.user_id) == []
