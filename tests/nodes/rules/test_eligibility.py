"""Every kind of change and every shape of a subscription: available, or the reason why not."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from nodes.rules.eligibility import REASONS, RULES, Shape, why_not
from nodes.rules.ways_to_stay import (
    ChangeKind,
    DiscountTerms,
    LinkTerms,
    PauseTerms,
    PlanChangeTerms,
    Terms,
    TrialTerms,
)

# The columns of the table. `months`, `once` and `euro` are discounts.
TERMS: dict[str, tuple[str, Terms | None]] = {
    "months": ("discount", DiscountTerms("repeating", percent_off=30, months=3)),
    "once": ("discount", DiscountTerms("once", percent_off=30)),
    "euro": ("discount", DiscountTerms("forever", amount_off=500, currency="eur")),
    "pause": ("pause", PauseTerms("month", 1, 3)),
    "plan": ("plan_change", PlanChangeTerms(("price_1",))),
    "trial": ("trial_extension", TrialTerms(14)),
    "contact": ("contact", LinkTerms("contact", "https://example.com/")),
    "redirect": ("redirect", LinkTerms("redirect", "https://example.com/")),
    "resume": ("resume", None),
}


def intervals(*each: tuple[str, int]) -> dict[str, Any]:
    return {"intervals": frozenset(each)}


# The rows: what differs from an active monthly subscription in dollars.
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "ended": {"status": "canceled"},
    "expired": {"status": "incomplete_expired"},
    "incomplete": {"status": "incomplete"},
    "past due": {"status": "past_due"},
    "unpaid": {"status": "unpaid"},
    "status paused": {"status": "paused"},
    "on trial": {"status": "trialing"},
    "a new status": {"status": "hibernating"},
    "pending": {"pending": True},
    "fixed term": {"fixed_term": True},
    "scheduled": {"scheduled": True},
    "paused": {"paused": True},
    "manual": {"manual": True},
    "daily": intervals(("day", 1)),
    "28 days": intervals(("day", 28)),
    "29 days": intervals(("day", 29)),
    "weekly": intervals(("week", 1)),
    "4 weeks": intervals(("week", 4)),
    "5 weeks": intervals(("week", 5)),
    "quarterly": intervals(("month", 3)),
    "yearly": intervals(("year", 1)),
    "two intervals": intervals(("month", 1), ("year", 1)) | {"items": 2},
    "month and week": intervals(("month", 1), ("week", 1)) | {"items": 2},
    "two items": {"items": 2},
    "in euro": {"currency": "eur"},
    "discounted": {"discounted": True},
    "offer used": {"offer_used": True},
    "pause used": {"pause_used": True},
    "trial extended": {"trial_extended": True},
    # Several reasons: the first that the customer can do something about.
    "pending, past due": {"pending": True, "status": "past_due"},
    "past due, scheduled": {"status": "past_due", "scheduled": True},
    "paused, past due": {"paused": True, "status": "past_due"},
    "paused, pending": {"paused": True, "pending": True},
    "paused, manual": {"paused": True, "manual": True},
    "trial extended, on trial": {"status": "trialing", "trial_extended": True},
    "fixed term, on trial": {"status": "trialing", "fixed_term": True},
}

# `-`: available. `no trial` is short for not_trialing, `no pause` for not_paused, `pending` for pending_cancellation,
# `discount` for already_discounted, `paused` for already_paused, `used` for used_before.
TABLE = """
                         | months     | once       | euro       | pause      | plan          | trial          | contact | redirect | resume
plain                    | -          | -          | currency   | -          | -             | no trial       | -       | -        | no pause
ended                    | ended      | ended      | ended      | ended      | ended         | ended          | ended   | ended    | ended
expired                  | ended      | ended      | ended      | ended      | ended         | ended          | ended   | ended    | ended
incomplete               | not_active | not_active | not_active | not_active | not_active    | not_active     | -       | -        | no pause
past due                 | past_due   | past_due   | past_due   | past_due   | past_due      | past_due       | -       | -        | no pause
unpaid                   | not_active | not_active | not_active | not_active | not_active    | not_active     | -       | -        | no pause
status paused            | not_active | not_active | not_active | not_active | not_active    | not_active     | -       | -        | no pause
on trial                 | trialing   | -          | currency   | trialing   | trialing      | -              | -       | -        | no pause
a new status             | -          | -          | currency   | -          | -             | no trial       | -       | -        | no pause
pending                  | pending    | pending    | pending    | pending    | pending       | pending        | pending | pending  | no pause
fixed term               | -          | -          | currency   | fixed_term | fixed_term    | fixed_term     | -       | -        | no pause
scheduled                | scheduled  | scheduled  | scheduled  | scheduled  | scheduled     | scheduled      | -       | -        | no pause
paused                   | paused     | paused     | paused     | paused     | paused        | no trial       | -       | -        | -
manual                   | manual     | manual     | manual     | manual     | manual        | manual         | -       | -        | manual
daily                    | -          | -          | currency   | interval   | -             | no trial       | -       | -        | no pause
28 days                  | -          | -          | currency   | interval   | -             | no trial       | -       | -        | no pause
29 days                  | interval   | -          | currency   | interval   | -             | no trial       | -       | -        | no pause
weekly                   | -          | -          | currency   | -          | -             | no trial       | -       | -        | no pause
4 weeks                  | -          | -          | currency   | -          | -             | no trial       | -       | -        | no pause
5 weeks                  | interval   | -          | currency   | -          | -             | no trial       | -       | -        | no pause
quarterly                | interval   | -          | currency   | -          | -             | no trial       | -       | -        | no pause
yearly                   | interval   | -          | currency   | interval   | -             | no trial       | -       | -        | no pause
two intervals            | interval   | interval   | interval   | interval   | several_items | no trial       | -       | -        | no pause
month and week           | interval   | interval   | interval   | interval   | several_items | no trial       | -       | -        | no pause
two items                | -          | -          | currency   | -          | several_items | no trial       | -       | -        | no pause
in euro                  | -          | -          | -          | -          | -             | no trial       | -       | -        | no pause
discounted               | discount   | discount   | currency   | -          | -             | no trial       | -       | -        | no pause
offer used               | used       | used       | currency   | -          | -             | no trial       | -       | -        | no pause
pause used               | -          | -          | currency   | used       | -             | no trial       | -       | -        | no pause
trial extended           | -          | -          | currency   | -          | -             | no trial       | -       | -        | no pause
pending, past due        | pending    | pending    | pending    | pending    | pending       | pending        | pending | pending  | no pause
past due, scheduled      | past_due   | past_due   | past_due   | past_due   | past_due      | past_due       | -       | -        | no pause
paused, past due         | past_due   | past_due   | past_due   | past_due   | past_due      | past_due       | -       | -        | -
paused, pending          | pending    | pending    | pending    | pending    | pending       | pending        | pending | pending  | -
paused, manual           | manual     | manual     | manual     | manual     | manual        | manual         | -       | -        | manual
trial extended, on trial | trialing   | -          | currency   | trialing   | trialing      | trial_extended | -       | -        | no pause
fixed term, on trial     | trialing   | -          | currency   | trialing   | trialing      | fixed_term     | -       | -        | no pause
"""  # noqa: E501
SHORT = {
    "-": None,
    "no trial": "not_trialing",
    "no pause": "not_paused",
    "pending": "pending_cancellation",
    "discount": "already_discounted",
    "paused": "already_paused",
    "used": "used_before",
}


def read(table: str) -> dict[str, dict[str, str | None]]:
    """Return the reasons by row and column."""
    header, *rows = [[cell.strip() for cell in line.split("|")] for line in table.strip("\n").splitlines()]
    return {
        name: {column: SHORT.get(cell, cell) for column, cell in zip(header[1:], cells, strict=True)}
        for name, *cells in rows
    }


EXPECTED = read(TABLE)


def test_the_table_is_whole() -> None:
    assert list(EXPECTED) == list(SHAPES)
    assert all(list(row) == list(TERMS) for row in EXPECTED.values())
    assert {kind for kind, _ in TERMS.values()} == set(RULES) == set(get_args(ChangeKind))
    assert {reason for row in EXPECTED.values() for reason in row.values() if reason} <= set(REASONS)


@pytest.mark.parametrize("column", TERMS)
@pytest.mark.parametrize("row", SHAPES)
def test_the_reason_against_each_change(row: str, column: str) -> None:
    kind, terms = TERMS[column]
    assert why_not(terms, kind, replace(Shape("active"), **SHAPES[row])) == EXPECTED[row][column]


def test_a_coupon_of_the_same_currency_fits() -> None:
    assert why_not(DiscountTerms("once", amount_off=500, currency="usd"), "discount", Shape("active")) is None
