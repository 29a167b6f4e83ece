"""The config: the blueprint's steps and the offers that fit, in the component's format and the customer's language."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.demo.cases import Case
from tests.acceptance.subscribers import subscriber
from tests.acceptance.trigger import serving
from tests.cancel_page.blueprints import KINDS, price_of
from tests.cancel_page.visitor import path_of, sessions_of
from tests.offers.catalog import price
from tests.offers.company import Company
from tests.sdk.component import Component, component_token, offers_in, step_of
from tests.world import World

Made = Callable[..., Component]


@pytest.fixture(scope="module")
def usual(world: World) -> str:
    """Return `apiBaseUrl` of the stack, which has the default catalogue and blueprint."""
    return str(world.addresses["sdk_base"])


def test_the_config_has_every_part_that_the_component_reads(world: World, usual: str) -> None:
    person = world.person("professional")
    flow = Component(usual, component_token(person)).flow()

    assert flow.keys() == {"blueprintId", "steps", "customer", "subscriptions", "settings"}
    assert [each["type"] for each in flow["steps"]] == ["survey", "confirm"]
    assert len({each["guid"] for each in flow["steps"]}) == 2
    assert flow["customer"] == {"id": person.user_id, "currency": "usd"}
    assert flow["settings"] == {"clickToCancelEnabled": False, "strictFTCComplianceEnabled": False}
    [subscription] = flow["subscriptions"]
    assert subscription["id"] == person.subscription_id
    assert subscription["status"]["name"] == "active"
    [item] = subscription["items"]
    assert (item["price"]["name"], item["price"]["amount"]["currency"]) == ("Professional", "usd")
    assert item["price"]["duration"] == {"interval": "month", "intervalCount": 1}
    assert path_of(world, person)[0][0] == "opened"
    assert person.email not in str(flow)


def test_each_reason_has_the_best_offer_that_fits_it(world: World, usual: str) -> None:
    person = world.person("professional")
    reasons = {
        each["id"]: each for each in step_of(Component(usual, component_token(person)).flow(), "survey")["reasons"]
    }

    assert reasons["too_expensive"]["offer"]["type"] == "discount"
    assert reasons["unused"]["offer"]["type"] == "pause"
    assert "offer" not in reasons["switched_service"]
    assert reasons["prefer_not_to_say"]["label"] == "I'd rather not say"
    assert reasons["missing_features"]["freeform"]
    discount = reasons["too_expensive"]["offer"]
    assert (discount["percentOff"], discount["durationInMonths"]) == (30, 3)
    assert discount["copy"].keys() == {"headline", "body", "cta", "declineCta"}
    assert re.search(r"You pay nothing now. Your next charge is \$\d+\.\d\d on ", discount["copy"]["body"])


def test_texts_are_in_the_customers_language(world: World, usual: str) -> None:
    person = world.made(Case("german", locale="de_DE", time_zone="Europe/Berlin", country="DE"))
    flow = Component(usual, component_token(person)).flow()
    assert step_of(flow, "survey")["title"] == "Was ist der Hauptgrund für Ihre Kündigung?"
    copy = offers_in(flow)["discount"]["copy"]
    assert copy["declineCta"] == "Nein, danke"
    assert "nächste" in copy["body"]
    french = Component(usual, component_token(person, i18n={"lang": "fr"})).flow()
    assert step_of(french, "survey")["title"].startswith("Quelle est la raison")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_offer_of_each_kind_is_described(company: Company, component: Made, kind: str) -> None:
    person = company.customer(trial_days=10 if kind == "trial_extension" else None)
    survey = step_of(component(person).flow(), "survey")
    offer = next(each["offer"] for each in survey["reasons"] if each["id"] == f"wants_{kind}")
    said = {name: value for name, value in offer.items() if name not in ("copy", "decisionId")}
    solo = price(company.world, "solo")
    assert said == {
        "discount": {
            "type": "discount", "couponId": "cancelflow-team-15pct-2m", "percentOff": 15, "durationInMonths": 2
        },
        "pause": {"type": "pause", "months": 1, "interval": "month"},
        "plan_change": {
            "type": "plan_change",
            "plans": [
                {
                    "id": solo,
                    "name": "Solo",
                    "amount": {"value": 1900, "currency": "usd"},
                    "duration": {"interval": "month", "intervalCount": 1},
                    "tagline": "Billed every month",
                }
            ],
        },
        "trial_extension": {"type": "trial_extension", "days": 10},
        "contact": {"type": "redirect", "url": "https://help.example.com/talk", "label": "Talk to us"},
        "redirect": {"type": "redirect", "url": "https://help.example.com/tips", "label": "Show me"},
    }[kind]  # fmt: skip
    assert all(offer["copy"].values()) or kind in ("contact", "redirect")


@pytest.mark.slow
def test_an_offer_before_the_survey_keeps_its_cost_beside_the_companys_texts(company: Company, component: Made) -> None:
    first, feedback, confirm = component(company.customer("solo")).flow()["steps"]
    assert (first["title"], "description" in first) == ("Before you go", False)  # it would hide the offer's own
    copy = first["offer"]["copy"]
    own, cost = copy["body"].split(f"<p>{copy['headline']}</p>")
    assert own.strip() == "<p>We <strong>value</strong> you.</p>"
    assert "You pay nothing now. Your next charge is $15.20 on " in cost
    assert (feedback["required"], feedback["minLength"]) == (True, 1)
    assert confirm["type"] == "confirm"


@pytest.mark.slow
def test_a_plan_is_shown_with_its_amount_for_the_quantity(company: Company, component: Made) -> None:
    [plan] = offers_in(component(company.customer(quantity=5)).flow())["plan_change"]["plans"]
    assert plan["amount"] == {"value": 9500, "currency": "usd"}


@pytest.mark.slow
def test_a_plan_that_is_paid_every_few_months_is_left_out(company: Company, component: Made) -> None:
    person = subscriber(company.world, plan="club", price=price_of(company.world, "club"))
    monthly = {"planIds": [price(company.world, "team")]}
    assert offers_in(component(person).flow()) == {}  # the component would show the amount as one for a month
    shown = component(person, dynamicOffers={"planChange": monthly})
    assert offers_in(shown.flow()).keys() == {"plan_change"}


@pytest.mark.slow
def test_the_last_step_says_what_cancelling_does(company: Company, component: Made) -> None:
    confirm = component(company.customer()).flow()["steps"][-1]
    assert (confirm["type"], confirm["title"]) == ("confirm", "Sure?")
    assert "<p>You keep your plan until " in confirm["description"]


def test_several_subscriptions_and_none_named(world: World, usual: str) -> None:
    person = world.person("two_subscriptions")
    response = Component(usual, component_token(person)).config()
    assert response.status_code == 409
    assert {each["subscription_id"] for each in response.json()["subscriptions"]} == set(person.subscription_ids)
    named = Component(usual, component_token(person, subscriptionId=person.subscription_ids[1]))
    assert named.flow()["subscriptions"][0]["id"] == person.subscription_ids[1]


def test_a_subscription_that_is_cancelled_already(world: World, usual: str) -> None:
    response = Component(usual, component_token(world.person("already_pending"))).config()
    assert response.status_code == 409
    assert response.json()["type"] == "urn:cancelflow:problem:subscription-already-pending"


def test_a_customer_without_a_subscription_gets_no_session(world: World, usual: str) -> None:
    person = world.person("professional")
    world.stripe.subscriptions.cancel(person.subscription_id)
    assert Component(usual, component_token(person)).config().status_code == 404
    assert sessions_of(world, person) == []


@pytest.mark.slow
def test_offers_that_cannot_be_read_leave_the_cancellation(company: Company, component: Made) -> None:
    person = company.customer()
    shown = component(person)
    fault = {"kind": "status", "path": "create_preview", "method": "POST", "contains": person.subscription_id}
    with company.world.simulator.fault(**fault, times=0):
        flow = shown.flow()
    assert offers_in(flow).keys() <= {"redirect"}
    assert shown.cancel().status_code == 200


@pytest.mark.slow
def test_an_issuer_may_be_a_url(world: World, tmp_path: Path) -> None:
    issuer = "https://shop.example.com"
    person = world.person("professional")
    with serving(tmp_path, SESSION_ISSUER=issuer) as http:
        made = component_token(person, app=issuer, iss=issuer)
        shown = Component(f"{http.base_url}/sdk/v1", made)
        assert shown.config().status_code == 200
        assert shown.cancel().status_code == 200
