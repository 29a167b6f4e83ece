"""The events of offers and subscriptions, wherever the customer asked for the change (FEATURES U19)."""

from typing import Any

import httpx
import pytest

from tests.offers.catalog import price
from tests.offers.company import Company
from tests.outgoing_webhooks.receivers import Endpoints, deliveries, events
from tests.webhooks.events import ENDPOINT, envelope, events_about
from tests.world import Person

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

# Each with its event, and the fields that only some have.
OFFERS: list[tuple[str, dict[str, Any], str, set[str]]] = [
    ("half", {}, "subscription.discounted", {"percent_off", "months", "discount_ends_at"}),
    ("pause", {"months": 1}, "subscription.paused", {"resumes_at"}),
    ("later", {"price": "firm"}, "subscription.plan_changed", {"price_id", "new_plan", "starts_at"}),
    ("longer-trial", {}, "subscription.trial_extended", {"trial_ends_at"}),
]
COMMON = {"request_id", "user_id", "subscription_id", "plan", "kind", "offer_id", "origin"}


def ask(company: Company, person: Person, path: str, **body: Any) -> httpx.Response:
    return company.http.post(path, json={"user_id": person.user_id, **body}, headers=person.headers)


@pytest.mark.parametrize(("offer", "chosen", "event", "fields"), OFFERS, ids=[each[0] for each in OFFERS])
def test_an_accepted_offer_is_reported_with_what_it_does(
    company: Company, endpoints: Endpoints, offer: str, chosen: dict[str, Any], event: str, fields: set[str]
) -> None:
    person = company.customer(trial_days=14 if offer == "longer-trial" else None)
    if "price" in chosen:
        chosen = {"price": price(company.world, "firm")}
    assert company.accept(person, offer, **chosen).status_code == 200

    found = events(company.world, endpoints, person, "offer.accepted", event)

    data = found[event]
    assert found["offer.accepted"] == data
    assert set(data) == COMMON | fields
    assert (data["offer_id"], data["plan"], data["subscription_id"]) == (offer, "team", person.subscription_id)


def test_a_link_is_an_accepted_offer_and_changes_no_subscription(company: Company, endpoints: Endpoints) -> None:
    person = company.customer()
    assert company.accept(person, "talk").status_code == 200
    data = events(company.world, endpoints, person, "offer.accepted")["offer.accepted"]
    assert (data["kind"], data["offer_id"]) == ("contact", "talk")


def test_a_pause_that_is_ended_is_no_accepted_offer(company: Company, endpoints: Endpoints) -> None:
    person = company.customer()
    assert company.accept(person, "pause", months=1).status_code == 200
    assert company.resume(person).status_code == 200
    types = ("offer.accepted", "subscription.paused", "subscription.resumed")
    found = events(company.world, endpoints, person, *types)
    assert "offer_id" not in found["subscription.resumed"]


def test_the_retention_offer_is_reported_as_a_discount(company: Company, endpoints: Endpoints) -> None:
    person = company.customer()
    assert ask(company, person, "/cancel-subscription", accept_offer=True).status_code == 200
    found = events(company.world, endpoints, person, "offer.accepted", "subscription.discounted")
    data = found["subscription.discounted"]
    assert found["offer.accepted"] == data
    assert (data["percent_off"], data["months"], data["kind"], "offer_id" in data) == (15, 2, "discount", False)


def test_a_cancellation_and_its_end_are_reported(company: Company, endpoints: Endpoints) -> None:
    person = company.customer()
    cancelled = ask(company, person, "/cancel-subscription", reason="unused", feedback="Too slow")
    assert cancelled.status_code == 200
    assert ask(company, person, "/reactivate-subscription").status_code == 200

    found = events(company.world, endpoints, person, "subscription.canceled", "subscription.reactivated")

    assert found["subscription.canceled"]["request_id"] == cancelled.headers["Cancellation-Request-Id"]
    assert "session_id" not in found["subscription.canceled"]
    assert found["subscription.reactivated"]["renews_at"] == found["subscription.canceled"]["cancel_at"]


def test_a_subscription_that_is_ended_in_stripe_is_reported_as_canceled_and_ended(
    company: Company, endpoints: Endpoints
) -> None:
    world, person = company.world, company.customer()
    world.stripe.subscriptions.cancel(person.subscription_id)
    [ended] = events_about(world, person.subscription_id, "customer.subscription.deleted")
    for _ in range(2):
        headers, body = envelope(world, ended.id)
        assert company.http.post(ENDPOINT, content=body, headers=headers).status_code == 200

    found = events(world, endpoints, person, "subscription.canceled", "subscription.ended")

    data = found["subscription.ended"]
    assert (data["plan"], data["subscription_id"], data["reason"]) == ("team", person.subscription_id, "voluntary")
    assert found["subscription.canceled"]["origin"] == "stripe"


def test_what_is_refused_is_not_reported(company: Company) -> None:
    person = company.customer()
    assert company.accept(person, "no-such-offer").status_code == 404
    assert company.accept(person, "pause", months=99).status_code == 400
    assert deliveries(company.world, person) == {}
