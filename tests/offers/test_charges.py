"""The promise of the product: every later charge is the one that the customer was shown before they accepted.

Each test shows the offers, accepts one as it was shown, moves the clock past its end, and compares each invoice that
Stripe made with the preview: equal to the cent and to the second.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.acceptance.subscribers import Clock
from tests.offers.catalog import price
from tests.offers.charges import as_charged, as_shown, invoices_read, past_every_date
from tests.offers.company import DAY, HOUR, MINUTE, Company, at, when
from tests.world import Person, Row

pytestmark = pytest.mark.slow

Choice = tuple[str, dict[str, Any]]  # an offer, and what is chosen of it


@dataclass(frozen=True)
class Shape:
    """A subscription, and the time at which its customer looks at the offers."""

    starts_at: int = at(2027, 1, 15, 9)
    looks_after: int = 10 * DAY
    accepts_after: int = 0  # since the look
    unit: str = "month"
    count: int = 1
    quantity: int = 1
    coupon: dict[str, Any] | None = None
    balance: int = 0
    trial_days: int | None = None
    begins_on: str = "team"  # the plan; changed to team after three days, which the next invoice charges


FOREVER = {"percent_off": 20, "duration": "forever"}
ONE_MONTH = {"percent_off": 20, "duration": "repeating", "duration_in_months": 1}
THREE_MONTHS = {"amount_off": 700, "currency": "usd", "duration": "repeating", "duration_in_months": 3}
SHAPES = {
    "plain": Shape(),
    "accepted-later": Shape(accepts_after=30 * MINUTE),
    "the-31st": Shape(starts_at=at(2027, 1, 31, 23, 30), looks_after=5 * DAY),
    "last-hour-of-the-period": Shape(looks_after=31 * DAY - HOUR),
    "first-minute-of-the-period": Shape(looks_after=31 * DAY + MINUTE),
    "two-seats": Shape(quantity=2),
    "credit": Shape(balance=-1500),
    "much-credit": Shape(balance=-7000),
    "debt": Shape(balance=700),
    "weekly": Shape(unit="week", looks_after=2 * DAY),
    "quarterly": Shape(count=3, looks_after=40 * DAY),
    "yearly": Shape(unit="year", looks_after=100 * DAY),
    "yearly-shortly-before-its-end": Shape(unit="year", looks_after=340 * DAY),
    "discount-forever": Shape(coupon=FOREVER),
    "discount-that-ends-first": Shape(coupon=ONE_MONTH),
    "discount-that-ends-later": Shape(coupon=THREE_MONTHS),
    "upgraded-before": Shape(begins_on="solo"),
    "downgraded-before": Shape(begins_on="firm"),
    "trial": Shape(trial_days=20),
    "trial-with-a-discount-that-ends": Shape(trial_days=25, coupon=ONE_MONTH),
}
# What is chosen, by a short name; a price by its plan and interval.
CHOICES: dict[str, Choice] = {
    "retention": ("retention-offer", {}),
    "half": ("half", {}),
    "fiver": ("fiver", {}),
    "always": ("always", {}),
    "loyal": ("loyal", {}),
    "personal": ("personal", {}),
    "long": ("long", {}),
    "pause-1": ("pause", {"months": 1}),
    "pause-3": ("pause", {"months": 3}),
    "break-6": ("break", {"weeks": 6}),
    "rest-2": ("rest", {"months": 2}),
    "later-solo": ("later", {"price": ("solo", "month")}),
    "later-firm": ("later", {"price": ("firm", "month")}),
    "later-year": ("later", {"price": ("team", "year")}),
    "now-solo": ("now", {"price": ("solo", "month")}),
    "now-firm": ("now", {"price": ("firm", "month")}),
    "now-year": ("now", {"price": ("team", "year")}),
    "prorated-solo": ("prorated", {"price": ("solo", "month")}),
    "prorated-firm": ("prorated", {"price": ("firm", "month")}),
    "prorated-year": ("prorated", {"price": ("team", "year")}),
    "longer-trial": ("longer-trial", {}),
}
# The choices that are tried, by shape.
TRIED = {
    "plain": """retention half fiver always loyal personal long pause-1 pause-3 break-6 rest-2 later-solo later-firm
        later-year now-solo now-firm now-year prorated-solo prorated-firm prorated-year""",
    "accepted-later": "half pause-1 later-solo now-year prorated-solo prorated-year",
    "the-31st": "half pause-1 pause-3 later-solo later-year now-year prorated-firm",
    "last-hour-of-the-period": "fiver loyal pause-1 break-6 later-year prorated-solo",
    "first-minute-of-the-period": "half pause-1 break-6 prorated-firm",
    "two-seats": "half long later-solo prorated-firm",
    "credit": "fiver pause-1 break-6 later-solo now-year prorated-solo",
    "much-credit": "half pause-3 break-6 now-year prorated-solo prorated-firm",
    "debt": "half pause-1 break-6 rest-2 now-firm now-year prorated-solo",
    "weekly": "half long pause-1 break-6 later-solo now-firm prorated-year",
    "quarterly": "fiver always personal pause-3 later-year later-solo prorated-solo",
    "yearly": "fiver always later-solo now-firm prorated-firm",
    "yearly-shortly-before-its-end": "personal later-firm prorated-solo",
    "discount-forever": "pause-1 later-year now-firm prorated-year",
    "discount-that-ends-first": "pause-3 later-solo later-year now-year prorated-solo",
    "discount-that-ends-later": "pause-1 pause-3 later-solo later-year now-year prorated-firm prorated-year",
    "upgraded-before": "half fiver pause-1 break-6 later-solo now-year prorated-solo",
    "downgraded-before": "half pause-3 now-firm",
    "trial": "fiver always personal longer-trial",
    "trial-with-a-discount-that-ends": "longer-trial",
}
# With an offer in addition to a running discount, and in its place.
ADDED = {
    "discount-forever": "half fiver long",
    "discount-that-ends-first": "half fiver always",
    "discount-that-ends-later": "retention fiver always",
}
REPLACED = {
    "discount-forever": "half",
    "discount-that-ends-first": "half fiver always",
    "discount-that-ends-later": "retention half personal",
}


def cases(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(shape, choice) for shape, choices in table.items() for choice in choices.split()]


def customer(company: Company, shape: Shape, clock: Clock) -> Person:
    made = company.customer(
        shape.begins_on,
        shape.unit,
        shape.count,
        on=clock,
        quantity=shape.quantity,
        coupon=shape.coupon,
        trial_days=shape.trial_days,
    )
    if shape.balance:
        company.world.stripe.customers.update(company.customer_id(made), {"balance": shape.balance})
    return made


def chosen_of(company: Company, choice: Choice) -> dict[str, Any]:
    """Return the choice as the API has it."""
    chosen = dict(choice[1])
    return {"price": price(company.world, *chosen["price"])} if "price" in chosen else chosen


def tried(company: Company, shape: Shape, offer: str, chosen: dict[str, Any]) -> None:
    clock = company.clock(shape.starts_at)
    person, twin = customer(company, shape, clock), customer(company, shape, clock)
    if shape.begins_on != "team":
        clock.advance(clock.now + 3 * DAY)
        for each in (person, twin):
            company.world.stripe.subscriptions.update(
                each.subscription_id,
                {
                    "items": [
                        {"id": company.subscription(each).items.data[0].id, "price": price(company.world, "team")}
                    ],
                    "proration_behavior": "create_prorations",
                },
            )
    clock.advance(shape.starts_at + shape.looks_after)
    shown = company.shown(person)
    [options] = [each["options"] for each in shown["offers"] if each["id"] == offer]
    [option] = [each for each in options if chosen.items() <= each.items()]
    if shape.accepts_after:
        clock.advance(clock.now + shape.accepts_after)

    response = company.accept(person, offer, as_of=shown["as_of"], **chosen)

    assert response.status_code == 200, response.text
    preview: Row = response.json()["preview"]
    compared(company, clock, (person, twin), preview)
    expected = option["preview"]
    if offer in ("now", "prorated") and shape.accepts_after:  # the new interval begins when the change is made
        assert when(preview["next_charge_at"]) - when(expected["next_charge_at"]) in (0, shape.accepts_after)
        dates = {each: preview[each] for each in ("next_charge_at", "saved_until", "text")}
        expected = {**expected, **dates}
    assert preview == expected


def compared(company: Company, clock: Clock, people: tuple[Person, Person], preview: Row) -> None:
    """Move the clock past every date, and compare each charge with the preview."""
    person, twin = people
    accepted_at = clock.now
    past_every_date(clock, preview)
    charged = as_charged(company, person, twin, preview, accepted_at)
    assert charged == as_shown(preview), invoices_read(company.invoices(person))


@pytest.mark.parametrize(("shape", "choice"), cases(TRIED))
def test_every_charge_is_as_shown(company: Company, shape: str, choice: str) -> None:
    tried(company, SHAPES[shape], CHOICES[choice][0], chosen_of(company, CHOICES[choice]))


@pytest.mark.parametrize(("shape", "choice"), cases(ADDED))
def test_every_charge_is_as_shown_in_addition_to_a_discount(adding: Company, shape: str, choice: str) -> None:
    tried(adding, SHAPES[shape], CHOICES[choice][0], chosen_of(adding, CHOICES[choice]))


@pytest.mark.parametrize(("shape", "choice"), cases(REPLACED))
def test_every_charge_is_as_shown_in_place_of_a_discount(replacing: Company, shape: str, choice: str) -> None:
    """Including the price afterwards, which is the full one: the replaced discount does not come back."""
    tried(replacing, SHAPES[shape], CHOICES[choice][0], chosen_of(replacing, CHOICES[choice]))


@settings(max_examples=12)
@given(
    start=some.integers(at(2027, 1, 1), at(2027, 12, 31)),
    looks_after=some.integers(1, 40 * DAY),
    unit=some.sampled_from(["week", "month", "year"]),
    quantity=some.sampled_from([1, 3]),
    coupon=some.sampled_from([None, FOREVER, ONE_MONTH, THREE_MONTHS]),
    balance=some.sampled_from([0, -999, -20_000]),
    pick=some.integers(0, 1000),
)
def test_every_charge_of_any_offer_is_as_shown(
    company: Company,
    start: int,
    looks_after: int,
    unit: str,
    quantity: int,
    coupon: dict[str, Any] | None,
    balance: int,
    pick: int,
) -> None:
    shape = Shape(start, looks_after, unit=unit, quantity=quantity, coupon=coupon, balance=balance)
    clock = company.clock(start)
    person, twin = customer(company, shape, clock), customer(company, shape, clock)
    clock.advance(clock.now + looks_after)
    shown = company.shown(person)
    options = [(each["id"], option) for each in shown["offers"] for option in each["options"] if "preview" in option]
    offer, option = options[pick % len(options)]
    chosen = {name: option[name] for name in ("months", "weeks", "price") if name in option}

    response = company.accept(person, offer, as_of=shown["as_of"], **chosen)

    assert response.json()["preview"] == option["preview"]
    compared(company, clock, (person, twin), option["preview"])


def test_resuming_early_charges_as_the_response_says(company: Company) -> None:
    clock = company.clock(at(2027, 1, 31, 9))
    person, twin = (company.customer(on=clock) for _ in range(2))
    clock.advance(clock.now + 10 * DAY)
    assert company.accept(person, "pause", months=3).status_code == 200
    clock.advance(clock.now + 40 * DAY)

    response = company.resume(person)

    assert response.status_code == 200, response.text
    compared(company, clock, (person, twin), response.json()["preview"])
    assert [each.status for each in company.invoices(person)] == ["paid", "void", "paid"]
