"""`GET /offers`: what is listed, in which order, and how it reads."""

from typing import Any

import pytest

from deployments.demo.cases import MONTHLY_PRICES
from tests.acceptance.subscribers import clock, subscriber
from tests.offers.catalog import LOYAL, price
from tests.offers.company import DAY, Company, at
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

DISCOUNTS = ["retention-offer", "half", "fiver", "always", "loyal", "personal", "long"]
PAUSES, PLANS, LINKS = ["pause", "break", "rest"], ["later", "now", "prorated"], ["talk", "tips"]


def shown(world: World, person: Person, **query: str) -> Row:
    response = world.http.get("/offers", headers=person.headers, params=query)
    assert response.status_code == 200, response.text
    found: Row = response.json()
    return found


def ids(found: Row) -> list[str]:
    return [each["id"] for each in found["offers"]]


def money(amount: int) -> Row:
    return {"amount": amount, "currency": "usd", "formatted": f"${amount / 100:.2f}"}


# The demo's plans


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("starter", ["retention-offer", "pause", "annual"]),
        ("professional", ["retention-offer", "pause", "smaller-plan", "annual"]),
        ("enterprise", ["retention-offer", "pause", "smaller-plan"]),
        ("trialing", ["longer-trial"]),
        ("yearly", ["smaller-plan"]),
        ("already_discounted", ["pause", "smaller-plan", "annual"]),
        ("past_due", []),
        ("schedule_managed", []),
        ("already_pending", []),
        ("pending_in_stripe_only", []),
        ("other_locale", ["retention-offer", "pause", "smaller-plan", "annual"]),
    ],
)
def test_each_demo_case_has_its_offers(world: World, case: str, expected: list[str]) -> None:
    person = world.person(case)
    before = len(world.simulator.writes(person.subscription_id))
    found = shown(world, person)
    assert list(found) == ["subscription_id", "as_of", "in_effect", "offers"]
    assert (found["subscription_id"], ids(found)) == (person.subscription_id, expected)
    writes = world.simulator.writes(person.subscription_id)[before:]
    assert {each["path"] for each in writes} <= {"/v1/invoices/create_preview"}


def test_a_discount_reads_as_its_terms(world: World) -> None:
    time = clock(world)
    person = subscriber(world, plan="enterprise", on=time)
    time.advance(time.now + DAY)
    offer = shown(world, person)["offers"][0]
    assert (offer["kind"], offer["text"]) == ("discount", None)
    assert offer["description"] == "40% off for 6 months and priority support"
    [option] = offer["options"]
    price_now = MONTHLY_PRICES["enterprise"]
    assert option["preview"]["charged_now"] == money(0)
    assert option["preview"]["next_charge"] == money(price_now * 60 // 100)
    assert option["preview"]["price_again"] == money(price_now)
    assert option["preview"]["saved"] == money(price_now * 40 // 100 * 6)


def test_money_and_dates_are_formatted_in_the_customers_locale_and_zone(company: Company) -> None:
    time = company.clock(at(2027, 1, 31, 23))
    person = company.customer(on=time)
    time.advance(time.now + 10 * DAY)
    company.world.admin.execute(
        "UPDATE users SET locale = 'en_GB', time_zone = 'Pacific/Auckland' WHERE id = %s", [person.user_id]
    )
    preview = company.offered(person)["half"][0]["preview"]
    assert preview["next_charge"]["formatted"] == "US$24.50"
    assert preview["next_charge_at"] == "2027-02-28T23:00:00Z"
    # March in Auckland, and June there is still May in UTC.
    assert preview["text"] == (
        "You pay nothing now. Your next charge is US$24.50 on 1 March 2027. From 1 June 2027 you pay US$49.00 again."
    )


def test_a_running_discount_is_told_first(world: World) -> None:
    found = shown(world, world.person("already_discounted"))
    assert found["in_effect"] == [{"kind": "discount", "until": None, "text": "You have a discount."}]


def test_without_a_subscription_there_is_nothing_to_offer(world: World) -> None:
    person = world.person("no_subscription")
    response = world.http.get("/offers", headers=person.headers)
    assert (response.status_code, response.json()["type"]) == (404, "urn:cancelflow:problem:no-active-subscription")


def test_another_users_subscription_is_not_found(world: World) -> None:
    person, another = world.person("starter"), world.person("starter")
    query = {"subscription_id": another.subscription_id}
    before = len(world.simulator.requests(contains=another.subscription_id))
    response = world.http.get("/offers", headers=person.headers, params=query)
    assert (response.status_code, response.json()["type"]) == (404, "urn:cancelflow:problem:no-active-subscription")
    assert len(world.simulator.requests(contains=another.subscription_id)) == before


def test_of_several_subscriptions_one_has_to_be_named(world: World) -> None:
    person = world.person("two_subscriptions")
    response = world.http.get("/offers", headers=person.headers)
    assert (response.status_code, response.json()["type"]) == (409, "urn:cancelflow:problem:several-subscriptions")
    choices = [each["subscription_id"] for each in response.json()["subscriptions"]]
    assert sorted(choices) == sorted(person.subscription_ids)
    for each in person.subscription_ids:
        assert shown(world, person, subscription_id=each)["subscription_id"] == each


def test_an_ended_subscription_has_no_offers(world: World) -> None:
    person = world.person("starter")
    world.stripe.subscriptions.cancel(person.subscription_id)
    response = world.http.get("/offers", headers=person.headers)
    assert (response.status_code, response.json()["type"]) == (404, "urn:cancelflow:problem:no-active-subscription")


@pytest.mark.parametrize("path", ["^/v1/subscriptions/", "^/v1/invoices/create_preview$"])
def test_while_stripe_is_down_the_caller_may_retry(world: World, path: str) -> None:
    person = world.person("professional")
    with world.simulator.fault(kind="status", status=500, path=path, contains=person.subscription_id, times=0):
        response = world.http.get("/offers", headers=person.headers)
    assert (response.status_code, response.json()["type"]) == (503, "urn:cancelflow:problem:billing-unavailable")
    assert response.headers["Retry-After"] == "5"


def test_a_caller_without_a_token_is_refused(world: World) -> None:
    assert world.http.get("/offers").status_code == 401


# A company's own catalogue


def member(company: Company, *, after: int = 10 * DAY, **given: Any) -> Person:
    clock = company.clock(at(2027, 1, 15, 9))
    person = company.customer(on=clock, **given)
    if after:
        clock.advance(clock.now + after)
    return person


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [*DISCOUNTS, *PAUSES, *PLANS, *LINKS]),
        ({"unit": "week", "after": 2 * DAY}, [*DISCOUNTS, *PAUSES, *PLANS, *LINKS]),
        # Three months of a coupon discount nothing or a whole quarter; six weeks end before the next invoice.
        ({"count": 3}, ["fiver", "always", "personal", "pause", *PLANS, *LINKS]),
        ({"unit": "year"}, ["fiver", "always", "personal", *PLANS, *LINKS]),
        # Months would run out during the trial; a discount on the first invoice doesn't.
        ({"trial_days": 20}, ["fiver", "always", "personal", "longer-trial", *LINKS]),
        ({"coupon": {"percent_off": 20, "duration": "forever"}}, [*PAUSES, *PLANS, *LINKS]),
    ],
    ids=["monthly", "weekly", "quarterly", "yearly", "trial", "discounted"],
)
def test_offers_that_change_nothing_or_do_not_fit_are_left_out(
    company: Company, given: dict[str, Any], expected: list[str]
) -> None:
    assert ids(company.shown(member(company, **given))) == expected


def test_an_offer_that_is_worth_less_than_the_discount_it_replaces_is_left_out(replacing: Company) -> None:
    person = member(replacing, coupon={"percent_off": 20, "duration": "forever"})
    assert ids(replacing.shown(person)) == ["half", "loyal", "personal", *PAUSES, *PLANS, *LINKS]


def test_a_coupon_that_ends_before_the_next_invoice_is_left_out(company: Company) -> None:
    """On the first day of February, a coupon for one month ends before the invoice of the 31st of March does."""
    clock = company.clock(at(2027, 1, 31, 9))
    person = company.customer(on=clock)
    clock.advance(at(2027, 2, 28, 10))
    assert "loyal" not in ids(company.shown(person))  # until March 28, and the next invoice is of March 31
    assert "half" in ids(company.shown(person))


def test_only_pauses_that_skip_an_invoice_are_options(company: Company) -> None:
    options = company.offered(member(company))  # 21 days before the next invoice
    # Three weeks end with the invoice, so an hour later.
    assert [each["weeks"] for each in options["break"]] == [3, 4, 5, 6]
    assert options["break"][0]["resumes_at"] == "2027-02-15T10:00:00Z"
    assert [each["months"] for each in options["pause"]] == [1, 2, 3]


def test_an_offer_in_full(company: Company) -> None:
    person = member(company)
    found = company.shown(person)
    assert found["as_of"] == "2027-01-25T09:00:00Z"
    by_id = {each["id"]: each for each in found["offers"]}
    assert by_id["half"] == {
        "id": "half",
        "kind": "discount",
        "description": "50% off for 3 months",
        "text": "Stay for half",
        "options": [
            {
                "preview": {
                    "charged_now": money(0),
                    "next_charge": money(2450),
                    "next_charge_at": "2027-02-15T09:00:00Z",
                    "price_again": money(4900),
                    "price_again_at": "2027-05-15T09:00:00Z",
                    "saved": money(7350),
                    "saved_until": "2027-05-15T09:00:00Z",
                    "text": "You pay nothing now. Your next charge is $24.50 on February 15, 2027."
                    " From May 15, 2027 you pay $49.00 again.",
                }
            }
        ],
    }
    assert by_id["pause"]["options"][1] == {
        "months": 2,
        "resumes_at": "2027-03-25T09:00:00Z",
        "access": False,
        "preview": {
            "charged_now": money(0),
            "next_charge": money(4900),
            "next_charge_at": "2027-04-15T09:00:00Z",
            "price_again": None,
            "price_again_at": None,
            "saved": money(9800),
            "saved_until": "2027-04-15T09:00:00Z",
            "text": "You pay nothing now. Your next charge is $49.00 on April 15, 2027.",
        },
    }
    assert by_id["talk"]["options"] == [{"url": "https://help.example.com/talk"}]
    assert {
        each: by_id[each]["description"] for each in ("fiver", "always", "pause", "break", "rest", "later", "now")
    } == {
        "fiver": "$5.00 off your next invoice",
        "always": "10% off every invoice",
        "pause": "Pause billing for 1 to 3 months",
        "break": "Pause billing for 2 to 6 weeks",
        "rest": "Pause billing for 2 months",
        "later": "Change your plan at the end of the period",
        "now": "Change your plan now",
    }


def test_prices_are_listed_in_the_catalogues_order_without_the_own_one(company: Company) -> None:
    world, yearly = company.world, member(company, unit="year")
    expected = [price(world, "solo"), price(world, "team", "year"), price(world, "firm")]
    options = company.offered(member(company))["later"]
    assert [each["price"] for each in options] == expected
    assert [each["plan_name"] for each in options] == ["Solo", "Team Flow", "Firm"]
    assert {each["starts_at"] for each in options} == {"2027-02-15T09:00:00Z"}
    assert [each["price"] for each in company.offered(yearly)["later"]] == [expected[0], expected[2]]


def test_an_offer_that_stripe_refuses_hides_no_other(company: Company) -> None:
    """For instance a coupon of that id with other terms."""
    person, world = member(company), company.world
    gone = {"code": "resource_missing"}
    with world.simulator.fault(kind="status", status=404, error=gone, times=0, method="GET", path=f"coupons/{LOYAL}$"):
        wrong = world.simulator.fault(
            kind="status", status=400, error={"code": "parameter_invalid_empty"}, times=0, method="POST", contains=LOYAL
        )
        with wrong:
            offered = company.offered(person)

    assert "loyal" not in offered
    assert {"half", "pause", "later"} <= offered.keys()


def test_an_archived_price_is_not_offered(company: Company) -> None:
    """The price is active again afterwards, as other tests need it."""
    person, firm = member(company), price(company.world, "firm")
    company.world.stripe.prices.update(firm, {"active": False})
    try:
        assert firm not in [each["price"] for each in company.offered(person)["later"]]
    finally:
        company.world.stripe.prices.update(firm, {"active": True})


@pytest.mark.parametrize(
    ("change", "in_effect"),
    [
        (
            {"pause_collection": {"behavior": "void", "resumes_at": at(2027, 3, 1)}},
            {"kind": "pause", "until": "2027-03-01T00:00:00Z", "text": "Your billing is paused until March 1, 2027."},
        ),
        (
            {"pause_collection": {"behavior": "void"}},
            {"kind": "pause", "until": None, "text": "Your billing is paused."},
        ),
    ],
    ids=["until", "open"],
)
def test_a_running_pause_is_told_with_its_end_and_nothing_else_is_offered(
    company: Company, change: Any, in_effect: Row
) -> None:
    person = member(company)
    company.world.stripe.subscriptions.update(person.subscription_id, change)
    found = company.shown(person)
    assert (found["in_effect"], ids(found)) == ([in_effect], LINKS)


def test_a_discount_with_an_end_is_told_with_it(company: Company) -> None:
    person = member(company, coupon={"percent_off": 20, "duration": "repeating", "duration_in_months": 2})
    assert company.shown(person)["in_effect"] == [
        {"kind": "discount", "until": "2027-03-15T09:00:00Z", "text": "You have a discount until March 15, 2027."}
    ]


def test_a_plan_that_is_not_in_the_catalogue_has_no_offers(world: World) -> None:
    person = world.person("starter")
    product = world.stripe.products.create({"name": "Legacy"}).id
    legacy = world.stripe.prices.create(
        {"product": product, "currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}}
    )
    item = world.stripe.subscriptions.retrieve(person.subscription_id).items.data[0].id
    world.stripe.subscriptions.update(person.subscription_id, {"items": [{"id": item, "price": legacy.id}]})
    world.admin.execute("UPDATE subscriptions SET plan = 'legacy' WHERE id = %s", [person.subscription_id])
    assert shown(world, person)["offers"] == []
