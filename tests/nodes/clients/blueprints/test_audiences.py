"""Audiences: what they can say, what is refused before it is published, and that evaluation never raises."""

import time
from datetime import date
from typing import Any

import pytest

from nodes.clients.blueprints.audiences import AudienceInvalid, Audiences
from nodes.rules.blueprints.facts import Attribute, Facts, Value

AUDIENCES = Audiences(
    {
        "videos": Attribute("number"),
        "visits": Attribute("number", 3.0),
        "tier": Attribute("string", "none"),
        "beta": Attribute("boolean", False),
        "since": Attribute("date"),
    }
)
FACTS = Facts(
    plan="team",
    price="price_1",
    interval="month",
    tenure=400,
    value=2900,
    currency="eur",
    country="DE",
    language="de",
    customer_metadata={"vat-id": "DE1", "source": "fair"},
    subscription_metadata={"seats": "12"},
)
KNOWN: dict[str, Value] = {"videos": 28.0, "since": date(2026, 3, 1)}


def matches(expression: str, facts: Facts = FACTS, known: dict[str, Value] = KNOWN) -> bool | None:
    return AUDIENCES.audience(expression).matches(facts, known)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("plan == 'team'", True),
        ("plan in ['solo', 'pro']", False),
        ("price == 'price_1' && interval == 'month'", True),
        ("tenure > 365", True),
        ("tenure > 365.5", True),
        ("value >= 5000 && currency == 'eur'", False),
        ("country == 'DE' || language == 'de'", True),
        ("attributes.videos > 20", True),
        ("attributes.videos > 28.5", False),
        ("tenure + value == 3300", True),
        ("attributes.videos == 28", True),
        ("20 < attributes.videos && attributes.videos != 30", True),
        ("attributes.visits == 3", True),  # its default
        ("attributes.tier == 'none' && !attributes.beta", True),
        ("attributes.since < timestamp('2026-03-02T00:00:00Z')", True),
        ("attributes.since == timestamp('2026-03-01T00:00:00Z')", True),
        ("customer.metadata.source == 'fair'", True),
        ("customer.metadata['vat-id'].startsWith('DE')", True),
        ("has(customer.metadata.nothing) && customer.metadata.nothing == 'x'", False),
        ("int(subscription.metadata.seats) > 10", True),
        ("plan.matches('^te')", True),
    ],
)
def test_an_audience_is_a_condition_over_facts(expression: str, expected: bool) -> None:
    assert matches(expression) is expected


@pytest.mark.parametrize(
    ("expression", "known", "expected"),
    [
        ("attributes.videos > 20", {}, None),
        ("attributes.videos > 20 || plan == 'team'", {}, True),
        ("attributes.visits > 2", {}, True),
        ("attributes.visits > 2", {"visits": 1.0}, False),
        ("customer.metadata.nothing == 'x'", {}, None),
        ("int(customer.metadata.source) > 1", {}, None),
        ("1 / (tenure - 400) == 1", {}, None),
    ],
)
def test_without_a_value_the_default_counts_or_nothing_can_be_said(
    expression: str, known: dict[str, Value], expected: bool | None
) -> None:
    assert matches(expression, known=known) is expected


@pytest.mark.parametrize(
    ("expression", "line", "expected"),
    [
        ("plan = 'team'", 1, "Syntax error: token recognition error"),
        ("", 1, "Syntax error: mismatched input"),
        ("plan == 'team' &&\n  contry == 'DE'", 2, "undeclared reference to 'contry' (column 3)"),
        ("attributes.video > 20", 1, "undeclared reference to 'attributes.video' (column 11)"),
        ("subscription.plan == 'team'", 1, "undeclared reference to 'subscription.plan' (column 13)"),
        ("attributes.videos == '20'", 1, "no matching overload for '_==_' applied to '(double, string)' (column 19)"),
        ("tenure", 1, "it is of type int, not bool"),
        ("customer.metadata.source", 1, "it is of type string, not bool"),
        ("dyn(plan)", 1, "it is of type dyn, not bool"),
        ("open('/etc/passwd')", 1, "undeclared reference to 'open'"),
        ("(" * 100 + "true" + ")" * 100, 1, "recursion limit exceeded"),
        ("plan == '" + "x" * 200_000 + "'", 1, "size exceeds"),
    ],
)  # fmt: skip
def test_an_expression_that_cant_be_an_audience_is_refused(expression: str, line: int, expected: str) -> None:
    with pytest.raises(AudienceInvalid) as refused:
        AUDIENCES.audience(expression)
    assert expected in str(refused.value)
    assert refused.value.line == line


def nested(depth: int) -> str:
    """Return an expression with 30 to the power of `depth` iterations."""
    numbers, inner = str(list(range(30))), "true"
    for level in range(depth):
        inner = f"{numbers}.all(v{level}, {inner})"
    return inner


@pytest.mark.parametrize("expression", [nested(4), nested(6)])
def test_an_expression_that_would_take_long_is_given_up(expression: str) -> None:
    begun = time.thread_time()
    assert matches(expression) is None
    assert time.thread_time() - begun < 1


def test_a_regular_expression_takes_linear_time() -> None:
    begun = time.thread_time()
    assert matches("plan.matches('^(a+)+$')", Facts(plan="a" * 2000 + "b")) is False
    assert time.thread_time() - begun < 1


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({"tenure": 2**70}, KNOWN),
        ({"plan": "\ud800"}, KNOWN),
        ({"customer_metadata": {"a": None}}, KNOWN),
        ({"plan": None}, KNOWN),
        ({}, {"videos": "twenty"}),
    ],
)
def test_evaluation_never_raises(changes: dict[str, Any], known: dict[str, Value]) -> None:
    facts = Facts(**{"plan": "team", "tenure": 1, **changes})
    expression = "plan == 'x' || tenure < 0 || attributes.videos < 0 || size(customer.metadata) > 5"
    assert matches(expression, facts, known) in (False, None)
