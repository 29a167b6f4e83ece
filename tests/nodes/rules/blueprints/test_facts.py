"""Declared attributes: where their value comes from, and what is ignored (FEATURES C09 to C11)."""

from datetime import date
from typing import Any

import pytest

from nodes.rules.blueprints.facts import Attribute, Facts, Ignored, Value, known_attributes, typed

DECLARED = {
    "videos": Attribute("number", 3.0),
    "tier": Attribute("string"),
    "beta": Attribute("boolean", False),
    "since": Attribute("date"),
}


@pytest.mark.parametrize(
    ("passed", "subscription", "customer", "expected"),
    [
        ({"videos": 28}, {"videos": "5"}, {"videos": "6"}, 28.0),
        ({}, {"videos": "5"}, {"videos": "6"}, 5.0),
        ({}, {}, {"videos": "6"}, 6.0),
        ({"videos": None}, {}, {"videos": "6"}, 6.0),
        ({"videos": "28"}, {"videos": "5"}, {}, 5.0),
        ({}, {"videos": "many"}, {"videos": "6"}, 6.0),
        ({}, {}, {}, None),
    ],
)
def test_what_is_passed_counts_before_metadata(
    passed: dict[str, object], subscription: dict[str, str], customer: dict[str, str], expected: float | None
) -> None:
    facts = Facts(attributes=passed, subscription_metadata=subscription, customer_metadata=customer)
    assert known_attributes(DECLARED, facts)[0].get("videos") == expected


def test_undeclared_and_wrongly_typed_attributes_are_ignored_by_name() -> None:
    facts = Facts(
        attributes={"tier": 7, "beta": "yes", "since": "soon", "secret": "4711"},
        subscription_metadata={"videos": "many", "undeclared": "1"},
        customer_metadata={"tier": "gold"},
    )
    known, ignored = known_attributes(DECLARED, facts)
    assert known == {"tier": "gold"}
    assert {each.name: each.why for each in ignored} == {
        "secret": "it is not declared",
        "videos": "in the subscription's metadata, it is not a number",
        "tier": "it is not a string",
        "beta": "it is not a boolean",
        "since": "it is not a date",
    }
    assert ignored[0] == Ignored("secret", "it is not declared")


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        (28, "number", 28.0),
        (2.5, "number", 2.5),
        (True, "number", None),
        ("28", "number", None),
        (float("nan"), "number", None),
        (float("inf"), "number", None),
        (10**400, "number", None),
        ("gold", "string", "gold"),
        ("", "string", ""),
        (7, "string", None),
        (["gold"], "string", None),
        (True, "boolean", True),
        (1, "boolean", None),
        ("true", "boolean", None),
        ("2026-12-24", "date", date(2026, 12, 24)),
        ("2026-12-24T23:30:00-05:00", "date", date(2026, 12, 25)),
        ("0001-01-01T00:00:00+14:00", "date", None),
        ("24.12.2026", "date", None),
        (1798070400, "date", None),
    ],
)
def test_a_value_is_of_its_declared_type_or_ignored(given: object, wanted: Any, expected: Value | None) -> None:
    found = typed(given, wanted)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        ("28", "number", 28.0),
        ("-2.50", "number", -2.5),
        ("1e3", "number", None),
        ("nan", "number", None),
        ("1_000", "number", None),
        (" 28", "number", None),
        ("٢٨", "number", None),
        ("True", "boolean", True),
        ("false", "boolean", False),
        ("1", "boolean", None),
        ("2026-12-24", "date", date(2026, 12, 24)),
        ("28", "string", "28"),
    ],
)
def test_metadata_is_converted_from_text(given: str, wanted: Any, expected: Value | None) -> None:
    found = typed(given, wanted, from_text=True)
    assert (found, type(found)) == (expected, type(expected))
