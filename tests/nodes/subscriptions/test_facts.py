"""A subscription's facts, for audiences (FEATURES C09, C10)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nodes.clients.billing.objects import BillingSubscription, Item
from nodes.rules.blueprints.facts import Facts
from nodes.rules.catalog import Price
from nodes.rules.eligibility import Interval
from nodes.subscriptions.facts import facts_of
from nodes.subscriptions.records import ActiveSubscription

STARTED = datetime(2025, 1, 1, 12, tzinfo=UTC)
ENDS = datetime(2026, 1, 1, 12, tzinfo=UTC)
BILLED = BillingSubscription(
    id="sub_1",
    status="active",
    cancel_at_period_end=False,
    cancel_at=None,
    ended_at=None,
    current_period_start=STARTED,
    current_period_end=ENDS,
    last_period_start=STARTED,
    last_period_end=ENDS,
    schedule_id=None,
    discounts=(),
    inherited_discount=None,
    items=(Item("si_1", Price("price_1"), ("year", 1), 2, 12000), Item("si_2", Price("price_2"), ("month", 1), 1, 500)),
    currency="eur",
    started_at=STARTED,
    metadata={"seats": "12"},
)


def found(**changes: object) -> ActiveSubscription:
    return ActiveSubscription("sub_1", "user", "team", replace(BILLED, **changes))  # type: ignore[arg-type]


def test_facts_are_what_stripe_and_the_company_say() -> None:
    now = datetime(2025, 2, 1, 11, tzinfo=UTC)
    passed = {"videosCreated": 28}
    facts = facts_of(
        found(), now, locale="de-AT", country="AT", attributes=passed, customer_metadata={"source": "fair"}
    )
    assert facts == Facts(
        plan="team",
        price="price_1",
        interval="year",
        tenure=30,
        value=2500,
        currency="eur",
        country="AT",
        language="de",
        attributes=passed,
        customer_metadata={"source": "fair"},
        subscription_metadata={"seats": "12"},
    )


@pytest.mark.parametrize(
    ("amount", "interval", "quantity", "value"),
    [
        (1000, ("month", 1), 1, 1000),
        (1000, ("month", 3), 1, 333),
        (1000, ("week", 1), 1, 4333),
        (100, ("day", 1), 1, 3042),
        (12000, ("year", 1), 3, 3000),
        (None, ("month", 1), 1, 0),  # a price with tiers
        (1000, ("month", 1), None, 0),  # metered use
        (1000, None, 1, 0),
    ],
)
def test_the_value_is_a_months(amount: int | None, interval: Interval | None, quantity: int | None, value: int) -> None:
    item = Item("si_1", Price("price_1"), interval, quantity, amount)
    assert facts_of(found(items=(item,)), STARTED).value == value


def test_what_is_not_known_is_empty() -> None:
    assert facts_of(found(items=(), started_at=None, metadata={}), ENDS) == Facts(plan="team", currency="eur")
