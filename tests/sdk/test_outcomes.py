"""Each outcome of the component, each call twice, concurrently and out of order: one change in Stripe, or none."""

from collections.abc import Callable

import httpx
import pytest

from tests.acceptance.subscribers import subscriber
from tests.cancel_page.blueprints import TERM, price_of
from tests.cancel_page.visitor import path_of, sessions_of
from tests.offers.catalog import LOYAL, price
from tests.offers.company import Company, at
from tests.sdk.component import Component, component_token, offers_in, step_of
from tests.waiting import concurrently, eventually
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

Made = Callable[..., Component]

# How the component accepts an offer of each kind, as the config describes it.
ACCEPT: dict[str, Callable[[Component, Row], httpx.Response]] = {
    "discount": lambda component, offer: component.discount(offer["couponId"]),
    "pause": lambda component, offer: component.pause(offer["months"], offer["interval"]),
    "plan_change": lambda component, offer: component.change_plan(offer["plans"][0]["id"]),
    "trial_extension": lambda component, offer: component.extend_trial(offer["days"]),
}


def writes(company: Company, person: Person) -> list[Row]:
    """Return the writes that Stripe carried out."""
    found = company.world.simulator.writes(person.subscription_id)
    return [each for each in found if each["status"] == 200 and not each["replayed"]]


def outcomes(company: Company, person: Person) -> list[str]:
    return [each["outcome"] for each in sessions_of(company.world, person)]


def since_yesterday(company: Company) -> Person:
    """Create a customer who subscribed a day ago, so that no month ends at the second of an invoice."""
    clock = company.clock(at(2026, 12, 1))
    person = company.customer(on=clock)
    clock.advance(at(2026, 12, 2))
    return person


def customer(company: Company, kind: str) -> Person:
    return company.customer(trial_days=10 if kind == "trial_extension" else None)


@pytest.mark.parametrize("kind", ACCEPT)
def test_an_offer_is_accepted_once_however_often_it_is_sent(company: Company, component: Made, kind: str) -> None:
    person = customer(company, kind)
    shown = component(person)
    offer = offers_in(shown.flow())[kind]

    first = ACCEPT[kind](shown, offer)
    written = writes(company, person)
    again = ACCEPT[kind](shown, offer)

    assert first.status_code == again.status_code == 200, first.text
    assert first.json() == again.json()
    [request] = company.world.rows("SELECT * FROM change_requests WHERE user_id = %s", person.user_id)
    assert (request["kind"], request["outcome"]) == (kind, "changed")
    assert request["offer_id"] == offer["decisionId"]
    assert written
    assert writes(company, person) == written
    assert not company.subscription(person).cancel_at_period_end
    assert shown.record(acceptedOffer={"offerType": kind.upper()}).status_code == 204
    assert outcomes(company, person) == ["saved"]
    assert ("offer_accepted", {"offer": offer["decisionId"], "request_id": str(request["id"])}) in path_of(
        company.world, person
    )


def test_the_customer_is_charged_what_the_config_said(company: Company, component: Made) -> None:
    person = since_yesterday(company)
    shown = component(person)
    offer = offers_in(shown.flow())["discount"]
    done = shown.discount(offer["couponId"]).json()
    assert done["preview"]["text"] in offer["copy"]["body"]
    assert done["preview"]["next_charge"]["formatted"] in offer["copy"]["body"]


def test_cancelling_twice_is_one_cancellation(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    shown.flow()
    first, again = shown.cancel(), shown.cancel()
    assert first.status_code == again.status_code == 200, first.text
    assert first.json() == again.json()
    assert first.json()["status"] == "pending_cancellation"
    assert company.subscription(person).cancel_at_period_end
    assert len(company.world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", person.user_id)) == 1
    assert outcomes(company, person) == ["cancelled"]
    assert shown.record(canceled=True, surveyChoiceId="wants_all").status_code == 204
    assert shown.cancel().json() == first.json()
    assert len(company.world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", person.user_id)) == 1
    assert len(company.world.emails(person)) == 1


def test_a_subscription_that_was_reactivated_can_be_cancelled_again(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    assert shown.cancel().status_code == 200
    back = company.http.post("/reactivate-subscription", json={"user_id": person.user_id}, headers=person.headers)
    assert back.status_code == 200, back.text
    fault = {"kind": "status", "method": "POST", "path": "/v1/subscriptions/", "contains": person.subscription_id}
    with company.world.simulator.fault(**fault, times=0):
        assert [shown.cancel().status_code for _ in range(2)] == [500, 500]  # and not the first cancellation's 200
    assert [shown.cancel().status_code for _ in range(2)] == [200, 200]
    assert company.subscription(person).cancel_at_period_end
    assert len(company.world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", person.user_id)) == 2


def test_another_offer_that_is_refused_leaves_the_first_as_it_is(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    offers = offers_in(shown.flow())
    assert shown.pause(1).status_code == 200
    assert shown.change_plan(offers["plan_change"]["plans"][0]["id"]).status_code == 409  # not while it is paused
    assert outcomes(company, person) == ["saved"]
    assert shown.pause(1).status_code == 200
    assert len(company.world.rows("SELECT FROM change_requests WHERE user_id = %s", person.user_id)) == 2


@pytest.mark.parametrize("configured", [True, False], ids=["after the config", "before the config"])
@pytest.mark.parametrize("kind", [*ACCEPT, "cancel"])
def test_two_calls_at_the_same_time_are_one_request_and_both_succeed(
    company: Company, component: Made, kind: str, configured: bool
) -> None:
    person = customer(company, kind)
    shown = component(person)
    offers = offers_in((shown if configured else component(person)).flow())

    def press() -> httpx.Response | None:
        response = shown.cancel() if kind == "cancel" else ACCEPT[kind](shown, offers[kind])
        return None if response.status_code == 503 else response  # in progress: the customer presses again

    def act() -> httpx.Response:
        response = eventually(press)
        assert response is not None
        return response

    first, second = concurrently(act, act)

    assert first.status_code == second.status_code == 200, (first.text, second.text)
    assert first.json() == second.json()
    table = "cancellation_requests" if kind == "cancel" else "change_requests"
    assert len(company.world.rows(f"SELECT FROM {table} WHERE user_id = %s", person.user_id)) == 1


def test_two_configs_at_the_same_time_open_one_session(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    first, second = concurrently(shown.config, shown.config)
    assert first.status_code == second.status_code == 200
    assert len(sessions_of(company.world, person)) == 1


@pytest.mark.parametrize("kind", [*ACCEPT, "cancel"])
def test_an_action_before_the_config_opens_the_session(company: Company, component: Made, kind: str) -> None:
    person = customer(company, kind)
    shown = component(person)
    done = shown.cancel() if kind == "cancel" else ACCEPT[kind](shown, offers_in(component(person).flow())[kind])
    assert done.status_code == 200, done.text
    assert outcomes(company, person)[-1] in ("saved", "cancelled")


def test_a_customer_who_closes_the_dialog_changes_nothing(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    shown.flow()
    before = writes(company, person)
    for _ in range(2):
        assert shown.record(aborted=True).status_code == 204
    assert writes(company, person) == before
    assert outcomes(company, person) == ["abandoned"]
    assert path_of(company.world, person)[-1][0] == "left"
    shown.flow()  # opened again, with the same token
    assert shown.cancel().status_code == 200
    assert outcomes(company, person) == ["cancelled"]


def test_contact_is_a_link_and_leaves_everything_as_it_is(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    reasons = step_of(shown.flow(), "survey")["reasons"]
    [offer] = [each["offer"] for each in reasons if each["id"] == "wants_contact"]
    assert (offer["type"], offer["url"]) == ("redirect", "https://help.example.com/talk")
    assert shown.record(presentedOffers=[{"offerType": "REDIRECT", "accepted": False}]).status_code == 204
    assert company.world.rows("SELECT FROM change_requests WHERE user_id = %s", person.user_id) == []
    assert writes(company, person) == []


def test_a_customer_who_accepts_and_then_cancels_has_done_both(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    assert shown.discount(offers_in(shown.flow())["discount"]["couponId"]).status_code == 200
    assert shown.cancel().status_code == 200
    assert outcomes(company, person) == ["cancelled"]


def test_a_person_completes_a_manual_cancellation_and_the_config_says_so(company: Company, component: Made) -> None:
    person = subscriber(company.world, plan="manual", price=price_of(company.world, "manual"))
    shown = component(person)
    confirm = shown.flow()["steps"][-1]
    assert "Someone on our team will complete it and email you." in confirm["description"]
    for _ in range(2):
        response = shown.cancel()
        assert (response.status_code, response.json()["status"]) == (202, "received"), response.text
    assert not company.subscription(person).cancel_at_period_end
    assert outcomes(company, person) == ["manual"]


def test_a_fixed_term_is_refused_with_the_companys_text(company: Company, component: Made) -> None:
    contract = price_of(company.world, "contract")
    person = subscriber(company.world, plan="contract", price=contract, more={"cancel_at": 1_900_000_000})
    shown = component(person)
    assert TERM.replace("'", "&#39;") in shown.flow()["steps"][-1]["description"]
    response = shown.cancel()
    assert response.status_code == 409, response.text
    assert TERM in response.json()["detail"]


@pytest.mark.parametrize("kind", ["discount", "cancel"])
def test_a_failure_is_an_error_and_the_retry_is_the_same_request(company: Company, component: Made, kind: str) -> None:
    person = company.customer()
    shown = component(person)
    coupon = offers_in(shown.flow())["discount"]["couponId"]

    def act() -> httpx.Response:
        return shown.cancel() if kind == "cancel" else shown.discount(coupon)

    fault = {"kind": "status", "method": "POST", "path": "/v1/subscriptions/", "contains": person.subscription_id}
    with company.world.simulator.fault(**fault, times=0):
        assert act().status_code == 500
    assert act().status_code == 200
    table = "cancellation_requests" if kind == "cancel" else "change_requests"
    assert len(company.world.rows(f"SELECT FROM {table} WHERE user_id = %s", person.user_id)) == 1
    assert outcomes(company, person) == ["cancelled" if kind == "cancel" else "saved"]


def test_a_request_in_progress_is_not_reported_as_done(world: World) -> None:
    person = world.person("schedule_managed")  # whose cancellation takes several calls
    shown = Component(world.addresses["sdk_base"], component_token(person))
    slow = {"kind": "delay", "seconds": 2.2, "method": "*", "contains": person.subscription_id, "times": 0}
    with world.simulator.fault(**slow):
        response = shown.cancel()
    assert (response.status_code, response.json()["type"]) == (503, "urn:cancelflow:problem:in-progress")
    eventually(lambda: shown.cancel().status_code == 200, every=1)
    assert len(world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", person.user_id)) == 1


# What isn't offered

NOT_OFFERED: dict[str, Callable[[Component, Company], httpx.Response]] = {
    "an unknown coupon": lambda shown, _: shown.discount("FREE100"),
    "a coupon in another currency": lambda shown, _: shown.discount("cancelflow-euro"),
    "an unknown price": lambda shown, _: shown.change_plan("price_unknown"),
    "a price of another interval": lambda shown, company: shown.change_plan(price(company.world, "team", "month", 3)),
    "too long a pause": lambda shown, _: shown.pause(12),
    "weeks instead of months": lambda shown, _: shown.pause(1, "week"),
    "a pause of nothing": lambda shown, _: shown.pause(0),
    "a negative pause": lambda shown, _: shown.pause(-1),
    "a trial extension outside of a trial": lambda shown, _: shown.extend_trial(10),
    "a longer trial": lambda shown, _: shown.extend_trial(1000),
    "an empty coupon": lambda shown, _: shown.discount(""),
    "no coupon": lambda shown, _: shown.act("discount", {}),
    "a number as coupon": lambda shown, _: shown.act("discount", {"coupon": 5}),
    "an unknown interval": lambda shown, _: shown.pause(1, "year"),
    "an immediate end": lambda shown, _: shown.act("cancel", {"cancelAtPeriodEnd": False}),
    "an unknown action": lambda shown, _: shown.act("refund", {"amount": 1}),
}


@pytest.mark.parametrize("what", NOT_OFFERED)
def test_what_is_not_offered_is_refused_and_changes_nothing(company: Company, component: Made, what: str) -> None:
    person = company.customer()
    shown = component(person)
    shown.flow()
    audited = "SELECT FROM audit_log WHERE user_id = %s AND outcome = 'refused'"

    response = NOT_OFFERED[what](shown, company)

    assert 400 <= response.status_code < 500, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]
    assert writes(company, person) == []
    assert company.world.rows("SELECT FROM change_requests WHERE user_id = %s", person.user_id) == []
    assert len(company.world.rows(audited, person.user_id)) == (0 if what == "an unknown action" else 1)


def test_only_the_coupon_and_the_prices_that_the_token_names_are_offered(company: Company, component: Made) -> None:
    person, wanted = since_yesterday(company), price(company.world, "firm")
    other = offers_in(component(person).flow())["discount"]["couponId"]
    dynamic = {"discount": {"couponId": LOYAL}, "planChange": {"planIds": [wanted]}}
    shown = component(person, dynamicOffers=dynamic)
    offers = offers_in(shown.flow())
    assert offers["discount"]["couponId"] != other
    assert [each["id"] for each in offers["plan_change"]["plans"]] == [wanted]
    assert shown.discount(other).status_code == 404
    assert shown.change_plan(price(company.world, "solo")).status_code == 409
    assert writes(company, person) == []


def test_a_preview_changes_nothing_and_says_so(company: Company, component: Made) -> None:
    person = company.customer()
    coupon = offers_in(component(person).flow())["discount"]["couponId"]  # a preview doesn't make the coupon
    shown = component(person, preview=True)
    shown.flow()
    for response in (shown.discount(coupon), shown.cancel()):
        assert response.status_code == 409
        assert "preview" in response.json()["detail"]
    assert writes(company, person) == []
