"""A company's own catalogue: its prices, offers and rules, on a separate trigger."""

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from deployments.operations.requests import resume, unfinished
from nodes.settings import DatabaseSettings, load
from tests.acceptance.subscribers import clock, subscriber
from tests.acceptance.test_accept import UNAVAILABLE
from tests.acceptance.trigger import serving
from tests.faults.unfinished import when_done
from tests.waiting import eventually
from tests.webhooks.events import order
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

DAY = 24 * 3600
MARK = uuid.uuid4().hex[:8]
OURS = f"""
plans:
  team:
    name: {{en: Team Flow, de: Teamfluss}}
    stripe: {{lookup_keys: [team-{MARK}]}}
    offer: {{percent_off: 15, months: 1}}
    retention: {{cooldown_months: 12, screens_per_period: 1}}
    past_due: end_and_keep_invoice
  contract:
    name: Contract
    stripe: {{lookup_keys: [contract-{MARK}]}}
    fixed_term: {{leaving: refused, text: Your contract runs for a year. Write to us if you can't wait.}}
  manual:
    name: Manual
    stripe: {{lookup_keys: [manual-{MARK}]}}
    offer: {{percent_off: 10, months: 2}}
    manual_only: true
"""


@pytest.fixture(scope="module")
def ours(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    directory = tmp_path_factory.mktemp("catalog")
    catalog = directory / "catalog.yaml"
    catalog.write_text(OURS, encoding="utf-8")
    with serving(directory, CATALOG=str(catalog), PAST_DUE_POLICY="keep_period") as http:
        yield http


def price(world: World, lookup_key: str | None) -> str:
    """Return a monthly price: an existing one by its lookup key, or a new one."""
    if lookup_key:
        for found in world.stripe.prices.list({"lookup_keys": [lookup_key]}).data:
            return found.id
    product = world.stripe.products.create({"name": "Ours"}).id
    return world.stripe.prices.create(
        {
            "product": product,
            "currency": "usd",
            "unit_amount": 5000,
            "recurring": {"interval": "month"},
            **({"lookup_key": lookup_key} if lookup_key else {}),  # type: ignore[typeddict-item]
        }
    ).id


def on(world: World, plan: str, **given: Any) -> Person:
    return subscriber(world, plan="legacy", price=price(world, f"{plan}-{MARK}"), **given)


def cancel(http: httpx.Client, person: Person, **body: object) -> httpx.Response:
    return http.post(
        "/cancel-subscription", json={"user_id": person.user_id, "reason": "unused", **body}, headers=person.headers
    )


def offered(http: httpx.Client, person: Person) -> Row | None:
    shown: Row | None = http.get("/retention-offer", headers=person.headers).json()["retention_offer"]
    return shown


def test_a_companys_own_plan_has_its_offer_name_and_cooldown(world: World, ours: httpx.Client) -> None:
    person = on(world, "team")
    assert offered(ours, person) == {"discount": 15, "description": "15% off for 1 month"}

    accepted = cancel(ours, person, accept_offer=True)

    assert accepted.json() == {"success": True, "retention_applied": True, "discount": "15% off", "duration": "1 month"}
    shown = ours.get("/subscription", headers=person.headers).json()
    assert (shown["plan"], shown["plan_name"]) == ("team", "Team Flow")
    world.admin.execute(
        "UPDATE retention_offers SET accepted_at = accepted_at - interval '11 months' WHERE user_id = %s",
        [person.user_id],
    )
    again = cancel(ours, person, accept_offer=True)
    assert (again.status_code, again.json()["detail"]) == (409, UNAVAILABLE)


def test_an_offer_is_shown_on_as_many_days_as_the_plan_says(world: World, ours: httpx.Client) -> None:
    person = on(world, "team", on=clock(world, ahead=-10 * DAY))
    assert offered(ours, person) is not None
    world.admin.execute(
        "UPDATE offers_shown SET shown_on = shown_on - 1, shown_at = shown_at - interval '1 day' WHERE user_id = %s",
        [person.user_id],
    )
    assert offered(ours, person) is None


def test_the_email_has_the_plans_name(world: World, ours: httpx.Client) -> None:
    person = on(world, "team")
    assert cancel(ours, person).status_code == 200
    [email] = world.emails(person)
    assert "your Team Flow plan ends on" in email["subject"]


def test_a_price_in_no_plan_can_be_cancelled_has_no_offer_and_is_logged(world: World) -> None:
    bare = price(world, None)
    person = subscriber(world, plan="unknown", price=bare)

    assert offered(world.http, person) is None
    response = world.cancel(person)

    assert response.json()["status"] == "pending_cancellation"
    [email] = world.emails(person)
    assert "your current plan ends on" in email["subject"]
    logs = {"logs": {"flow_run_id": {"any_": [world.run_of(response)["id"]]}}, "limit": 200}
    eventually(lambda: f"are in no plan of the catalogue: {bare}" in world.prefect.post("/logs/filter", json=logs).text)


def past_due(world: World, plan: str) -> tuple[Person, str]:
    """Create a customer whose renewal could not be collected, and return the invoice's id too."""
    at = clock(world, ahead=-33 * DAY)
    person = on(world, plan, on=at)
    customer = str(world.stripe.subscriptions.retrieve(person.subscription_id).customer)
    card = world.stripe.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    world.stripe.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})
    at.advance(at.now + 32 * DAY)
    [unpaid] = world.stripe.invoices.list({"subscription": person.subscription_id, "status": "open"}).data
    return person, str(unpaid.id)


def test_a_past_due_customer_ends_now_and_owes_the_invoice_if_the_plan_says_so(
    world: World, ours: httpx.Client
) -> None:
    person, unpaid = past_due(world, "team")

    response = cancel(ours, person)

    assert response.json()["status"] == "canceled"
    assert world.stripe.invoices.retrieve(unpaid).status == "open"
    [email] = world.emails(person)
    text = " ".join(email["text"].split())
    assert "AN INVOICE IS STILL OPEN" in text
    assert "you don't owe it" not in text.lower()


def test_the_setting_decides_for_past_due_customers_if_the_plan_says_nothing(world: World, ours: httpx.Client) -> None:
    person, unpaid = past_due(world, "contract")

    response = cancel(ours, person)

    assert response.json()["status"] == "pending_cancellation"
    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert (found.status, found.cancel_at_period_end) == ("past_due", True)
    assert world.stripe.invoices.retrieve(unpaid).status == "open"
    [email] = world.emails(person)
    assert "AN INVOICE IS STILL OPEN" in " ".join(email["text"].split())


# Fixed terms


def on_a_term(world: World, plan: str | None, **given: Any) -> tuple[Person, int]:
    ends_at = int(time.time()) + 330 * DAY
    own = price(world, f"{plan}-{MARK}") if plan else None
    return subscriber(world, more={"cancel_at": ends_at}, price=own, **given), ends_at


def test_a_plan_can_refuse_cancellation_during_a_fixed_term_and_say_when_it_ends(
    world: World, ours: httpx.Client
) -> None:
    person, ends_at = on_a_term(world, "contract")

    response = cancel(ours, person)

    assert (response.status_code, response.json()["type"]) == (409, "urn:cancelflow:problem:fixed-term-running")
    assert response.json()["detail"] == "Your contract runs for a year. Write to us if you can't wait."
    assert datetime.fromisoformat(response.json()["term_ends_at"]) == datetime.fromtimestamp(ends_at, UTC)
    assert world.simulator.writes(person.subscription_id) == []


def test_a_fixed_term_does_not_count_as_a_cancellation_and_can_be_cancelled_early(world: World) -> None:
    person, ends_at = on_a_term(world, None)
    shown = world.http.get("/subscription", headers=person.headers).json()
    assert (shown["status"], shown["cancel_at_period_end"], shown["banner"]) == ("active", False, None)

    response = world.cancel(person)

    assert response.json()["status"] == "pending_cancellation"
    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert found.cancel_at == found.items.data[0].current_period_end < ends_at
    again = world.cancel(person)
    assert (again.status_code, again.json()["detail"]) == (409, "Subscription already scheduled for cancellation")


def test_a_reactivated_customer_gets_the_fixed_term_back(world: World) -> None:
    person, ends_at = on_a_term(world, None)
    assert world.cancel(person).status_code == 200

    back = world.http.post("/reactivate-subscription", json={"user_id": person.user_id}, headers=person.headers)

    assert (back.status_code, back.json()["status"]) == (200, "active")
    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert (found.cancel_at, found.cancel_at_period_end) == (ends_at, False)
    row = world.row("SELECT status, cancel_at FROM subscriptions WHERE id = %s", person.subscription_id)
    assert (row["status"], row["cancel_at"]) == ("active", datetime.fromtimestamp(ends_at, UTC))


def test_a_fixed_term_set_by_support_sends_no_email(world: World) -> None:
    person = world.person("professional")
    ends_at = int(time.time()) + 330 * DAY
    world.stripe.subscriptions.update(person.subscription_id, {"cancel_at": ends_at})
    seen = "SELECT FROM stripe_events WHERE subscription_id = %s AND change = 'begins' AND handled_at IS NOT NULL"

    eventually(lambda: world.rows(seen, person.subscription_id))

    assert world.emails(person) == []
    row = world.row("SELECT status, cancel_at FROM subscriptions WHERE id = %s", person.subscription_id)
    assert (row["status"], row["cancel_at"]) == ("active", datetime.fromtimestamp(ends_at, UTC))


# Manual only


def test_a_manual_only_plan_waits_until_an_operator_resumes_the_request(world: World, ours: httpx.Client) -> None:
    person = on(world, "manual")

    received = cancel(ours, person)

    assert (received.status_code, received.json()["status"]) == (202, "in_progress")
    request_id = world.request_id(received)
    assert world.simulator.writes(person.subscription_id) == []
    [listed] = [each for each in unfinished(load(DatabaseSettings)) if each.id == request_id]
    assert listed.stuck
    assert listed.problem == "needs-operator"
    [email] = world.emails(person)
    assert "cancellation" in email["subject"]

    resume(load(DatabaseSettings), request_id)

    assert when_done(world, uuid.UUID(request_id))["outcome"] == "pending_cancellation"
    assert world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end
    assert world.emails(person)[0]["subject"].startswith("Cancellation confirmed: your")


def test_a_request_that_waits_for_an_operator_is_done_once_it_is_cancelled_in_stripe(
    world: World, ours: httpx.Client
) -> None:
    person = on(world, "manual")
    request_id = world.request_id(cancel(ours, person))

    order(world, "portal", subscription=person.subscription_id, action="cancel")

    finished = "SELECT * FROM cancellation_requests WHERE id = %s AND finished_at IS NOT NULL"
    [done] = eventually(lambda: world.rows(finished, request_id))
    assert (done["outcome"], done["origin"], done["feedback"]) == ("pending_cancellation", "api", None)
    assert world.emails(person)[0]["subject"].startswith("Cancellation confirmed: your")
    [reason] = world.rows("SELECT category FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert reason["category"] == done["reason"]
    assert len(world.rows("SELECT FROM data_retention_jobs WHERE user_id = %s", person.user_id)) == 1


def test_accepting_the_offer_of_a_manual_only_plan_needs_no_operator(world: World, ours: httpx.Client) -> None:
    person = on(world, "manual")
    assert cancel(ours, person, accept_offer=True).json()["discount"] == "10% off"
