"""Months by name, and earlier ones."""

from datetime import date

import pytest

from nodes.rules.months import month_before, month_named


def test_a_month_is_represented_by_its_first_day() -> None:
    assert month_named("2026-10") == date(2026, 10, 1)


@pytest.mark.parametrize(
    "name", ["", "2026", "2026-1", "2026-13", "2026-00", "0000-01", "2026-10-01", "10-2026", " 2026-10"]
)
def test_any_other_name_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="is no month; write it as 2026-10"):
        month_named(name)


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2026, 11, 22), 1, date(2026, 10, 1)),
        (date(2027, 1, 1), 1, date(2026, 12, 1)),
        (date(2026, 3, 31), 1, date(2026, 2, 1)),
        (date(2026, 12, 31), 12, date(2025, 12, 1)),
        (date(2026, 12, 31), 0, date(2026, 12, 1)),
    ],
)
def test_months_are_counted_backwards(day: date, months: int, before: date) -> None:
    assert month_before(day, months) == before
