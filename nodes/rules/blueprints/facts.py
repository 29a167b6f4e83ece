"""What audiences are about: a subscription's properties and the declared attributes (FEATURES C09 to C11)."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal

AttributeType = Literal["number", "string", "boolean", "date"]
Value = float | str | bool | date

_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?", re.ASCII)


@dataclass(frozen=True)
class Attribute:
    """A declared custom attribute. `default`: what audiences see where it is missing."""

    type: AttributeType
    default: Value | None = None


@dataclass(frozen=True)
class Ignored:
    """Something that was ignored, to be recorded: its name and why, never a value."""

    name: str
    why: str


@dataclass(frozen=True)
class Facts:
    """What is known about a session's subscription.

    `price`: Stripe's id. `interval`: day, week, month or year. `tenure`: in days. `value`: a month's, in minor units of
    `currency`. `attributes`: as the company's token passed them. Metadata: of Stripe's objects.
    """

    plan: str = ""
    price: str = ""
    interval: str = ""
    tenure: int = 0
    value: int = 0
    currency: str = ""
    country: str = ""
    language: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict, repr=False)
    customer_metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    subscription_metadata: Mapping[str, str] = field(default_factory=dict, repr=False)


def known_attributes(declared: Mapping[str, Attribute], facts: Facts) -> tuple[dict[str, Value], list[Ignored]]:
    """Return the declared attributes that have a value, and what was ignored.

    The value passed counts; without one, the subscription's metadata and then the customer's, converted to the declared
    type. Defaults are not among them: they aren't figures to show to a customer.
    """
    known: dict[str, Value] = {}
    ignored = [Ignored(name, "it is not declared") for name in facts.attributes if name not in declared]
    for name, attribute in declared.items():
        for place, given in _places(name, facts):
            value = typed(given, attribute.type, from_text=place != "")
            if value is not None:
                known[name] = value
                break
            ignored.append(Ignored(name, f"{place}it is not a {attribute.type}"))
    return known, ignored


def typed(given: object, wanted: AttributeType, *, from_text: bool = False) -> Value | None:
    """Return the value as the declared type, or None. `from_text`: metadata has only texts, so numbers are parsed."""
    match wanted:
        case "string":
            return str(given) if isinstance(given, str) else None
        case "date":
            return _date(given)
        case "boolean":
            given = {"true": True, "false": False}.get(str(given).lower()) if from_text else given
            return given if isinstance(given, bool) else None
        case "number":
            return _number(given, from_text=from_text)


def _places(name: str, facts: Facts) -> list[tuple[str, object]]:
    """Return each value given under this name, in the order that counts."""
    sources = (
        ("", facts.attributes),
        ("in the subscription's metadata, ", facts.subscription_metadata),
        ("in the customer's metadata, ", facts.customer_metadata),
    )
    return [(place, values[name]) for place, values in sources if values.get(name) is not None]


def _number(given: object, *, from_text: bool) -> float | None:
    if from_text:
        return float(str(given)) if _NUMBER.fullmatch(str(given)) else None
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        return float(given) if math.isfinite(given) else None
    except OverflowError:  # an integer beyond a double's range
        return None


def _date(given: object) -> date | None:
    if isinstance(given, date):  # YAML has dates
        return given
    try:
        at = datetime.fromisoformat(given) if isinstance(given, str) else None
        return at.astimezone(UTC).date() if at and at.tzinfo else at and at.date()
    except (ValueError, OverflowError):
        return None
