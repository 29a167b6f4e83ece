"""Offers that cannot be accepted: what each refusal says, and that it changes nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.offers.acceptances import cancel, member, refused, writes
from tests.offers.catalog import LOYAL, price
from tests.offers.company import DAY, Company, at, when
from tests.world import Person

pytestmark = pytest.mark.slow


def change_in_stripe(company: Company, person: Person, change: Any) -> None:
    """Change the subscription as the dashboard does, before Stripe's event about it arrives."""
    with company.world.simulator.losing_webhooks():  # while it is recorded, an acceptance is refused as under way
        company.world.stripe.subscriptions.update(person.subscription_id, change)


def test_what_was_changed_between_the_look_and_the_acceptance_counts(company: Company) -> None:
    person = member(company)
    as_of = company.shown(person)["as_of"]
    change_in_stripe(company, person, {"pause_collection": {"behavior": "void"}})

    problem = refused(company, person, "half", reason="already_paused", as_of=as_of)

    assert problem["detail"] == "This offer is not available: the subscription is already paused"
    assert problem["offers"] == ["talk", "tips"]


@pytest.mark.parametrize(
    ("change", "offer", "reason"),
    [
        ({"cancel_at_period_end": True}, "pause", "pending_cancellation"),
        ({"discounts": [{"coupon": LOYAL}]}, "half", "already_discounted"),
        ({"trial_end": at(2027, 3, 1)}, "pause", "trialing"),
    ],
    ids=["cancelled", "discounted", "on-trial"],
)
def test_each_change_in_stripe_refuses_what_no_longer_fits(
    company: Company, change: Any, offer: str, reason: str
) -> None:
    person = member(company)
    as_of = company.shown(person)["as_of"]
    change_in_stripe(company, person, change)
    chosen = {"months": 1} if offer == "pause" else {}
    refused(company, person, offer, reason=reason, as_of=as_of, **chosen)


def test_no_offer_is_accepted_while_a_cancellation_is_pending(company: Company) -> None:
    person = company.customer()
    assert cancel(company, person)["status"] == "pending_cancellation"
    before = len(writes(company, person))
    for offer, chosen in (("half", {}), ("pause", {"months": 1}), ("talk", {})):
        refused(company, person, offer, reason="pending_cancellation", wrote=before, **chosen)
    assert company.shown(person)["offers"] == []


def test_no_offer_is_accepted_while_a_cancellation_is_under_way(company: Company) -> None:
    person = company.customer()
    company.world.admin.execute(
        "INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer, reason, resume_at)"
        " VALUES (%s, %s, false, 'unused', now() + interval '1 hour')",
        [person.user_id, person.user_id],
    )

    response = company.accept(person, "half")

    assert (response.status_code, response.json()["type"]) == (409, "urn:cancelflow:problem:request-under-way")
    assert writes(company, person) == []
    audit = company.world.row("SELECT * FROM audit_log WHERE user_id = %s", person.user_id)
    assert (audit["action"], audit["outcome"], audit["problem"]) == ("accept_discount", "refused", "request-under-way")


@pytest.mark.parametrize("offer", ["no-such-offer", "only-solo"])
def test_an_unknown_offer_is_not_found(company: Company, offer: str) -> None:
    person = company.customer()
    response = company.accept(person, offer)
    assert (response.status_code, response.json()["type"]) == (404, "urn:cancelflow:problem:offer-not-found")
    assert writes(company, person) == []
    audit = company.world.row("SELECT * FROM audit_log WHERE user_id = %s", person.user_id)
    assert (audit["outcome"], audit["http_status"], audit["problem"]) == ("refused", 404, "offer-not-found")


def test_another_users_subscription_is_not_found(company: Company) -> None:
    person, another = company.customer(), company.customer()
    response = company.accept(person, "half", subscription_id=another.subscription_id)
    assert (response.status_code, response.json()["type"]) == (404, "urn:cancelflow:problem:no-active-subscription")
    assert writes(company, another) == []
    request_id = response.headers["Change-Request-Id"]
    assert company.http.get(f"/changes/{request_id}", headers=another.headers).status_code == 404


@pytest.mark.parametrize("other", ["own", "unlisted", "unknown", "none"])
def test_a_price_that_is_not_offered(company: Company, other: str) -> None:
    person, world = member(company), company.world
    prices = {
        "own": price(world, "team"),
        "unlisted": price(world, "solo", "year"),
        "unknown": "price_of_somebody_else",
    }
    chosen = {"price": prices[other]} if other in prices else {}

    response = company.accept(person, "later", **chosen)

    assert (response.status_code, response.json()["type"]) == (409, "urn:cancelflow:problem:price-not-offered")
    offered = [price(world, "solo"), price(world, "team", "year"), price(world, "firm")]
    assert response.json()["prices"] == offered
    assert writes(company, person) == []


@pytest.mark.parametrize("chosen", [{"months": 4}, {"weeks": 2}, {}, {"months": 1, "weeks": 2}, {"price": "price_1"}])
def test_a_duration_outside_the_limits_is_refused_with_the_limits(company: Company, chosen: dict[str, Any]) -> None:
    person = company.customer()

    response = company.accept(person, "pause", **chosen)

    problem = response.json()
    assert (response.status_code, problem["type"]) == (400, "urn:cancelflow:problem:duration-not-offered")
    assert problem["detail"] == "months must be from 1 to 3"
    assert (problem["least"], problem["most"], problem["unit"]) == (1, 3, "month")
    assert writes(company, person) == []


@pytest.mark.parametrize(("offer", "chosen"), [("half", {"months": 2}), ("talk", {"price": "price_1"})])
def test_a_choice_that_the_offer_does_not_take_is_refused(company: Company, offer: str, chosen: dict[str, Any]) -> None:
    person = company.customer()

    response = company.accept(person, offer, **chosen)

    assert (response.status_code, response.json()["detail"]) == (400, "This offer takes no months, weeks or price")
    assert writes(company, person) == []


@pytest.mark.parametrize(
    "invalid",
    [
        {"months": 0},
        {"months": "two"},
        {"weeks": -1},
        {"price": "not a price"},
        {"as_of": "yesterday"},
        {"as_of": "2027-01-25T09:00:00"},
        {"as_of": "0001-01-01T00:00:00+14:00"},
        {"as_of": "9999-12-31T23:59:59-14:00"},
        {"months": 1, "surprise": True},
    ],
    ids=str,
)
def test_an_invalid_body_names_what_is_wrong(company: Company, invalid: dict[str, Any]) -> None:
    person = company.customer()
    response = company.accept(person, "pause", **invalid)
    assert response.status_code == 400, response.text
    assert list(invalid)[-1] in response.json()["detail"]
    assert writes(company, person) == []
    audit = company.world.row("SELECT * FROM audit_log WHERE user_id = %s", person.user_id)
    assert (audit["outcome"], audit["http_status"]) == ("refused", 400)


@pytest.mark.parametrize("ago", [3601, -1, 11 * DAY], ids=["expired", "future", "before-the-period"])
def test_a_preview_that_does_not_hold_any_more(company: Company, ago: int) -> None:
    person = member(company)
    as_of = datetime.fromtimestamp(when(company.shown(person)["as_of"]) - ago, UTC).isoformat()
    refused(company, person, "half", reason="preview_expired", as_of=as_of)


def test_a_preview_holds_for_an_hour(company: Company) -> None:
    person = member(company)
    as_of = datetime.fromtimestamp(when(company.shown(person)["as_of"]) - 3600, UTC).isoformat()
    assert company.accept(person, "half", as_of=as_of).status_code == 200


def test_an_offer_that_would_change_nothing_is_refused(company: Company) -> None:
    person = member(company)
    # Two weeks end before the next invoice; six don't.
    assert "break" in refused(company, person, "break", reason="changes_nothing", weeks=2)["offers"]
    quarterly = member(company, unit="month", count=3)
    assert "break" not in refused(company, quarterly, "break", reason="changes_nothing", weeks=6)["offers"]


@pytest.mark.parametrize("offer", ["now", "prorated"])
def test_a_declined_payment_changes_nothing(company: Company, offer: str) -> None:
    person = member(company)
    customer, before = company.customer_id(person), company.subscription(person)
    card = company.world.stripe.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    company.world.stripe.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})

    response = company.accept(person, offer, price=price(company.world, "team", "year"))

    assert (response.status_code, response.json()["type"]) == (402, "urn:cancelflow:problem:payment-declined")
    after = company.subscription(person)
    assert (after.items.data[0].price.id, after.status) == (before.items.data[0].price.id, "active")
    assert after.items.data[0].current_period_end == before.items.data[0].current_period_end
    assert [each.status for each in company.invoices(person)] == ["paid"]
    assert company.request(response)["outcome"] == "refused"
    row = company.world.row("SELECT plan, status FROM subscriptions WHERE id = %s", person.subscription_id)
    assert (row["plan"], row["status"]) == ("team", "active")
    assert company.world.emails(person) == []
