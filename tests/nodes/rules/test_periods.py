"""Billing periods and the end of a pause, by Stripe's rules for intervals."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nodes.rules.periods import end_of_pause, later, period_starts
from nodes.rules.ways_to_stay import Unit

UNITS = some.sampled_from(["day", "week", "month", "year"])


def at(year: int, month: int, day: int, hour: int = 9) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "interval", "times", "expected"),
    [
        (at(2027, 1, 15), ("day", 1), 1, at(2027, 1, 16)),
        (at(2027, 1, 15), ("day", 10), 2, at(2027, 2, 4)),
        (at(2027, 1, 15), ("week", 1), 1, at(2027, 1, 22)),
        (at(2027, 1, 15), ("week", 2), 3, at(2027, 2, 26)),
        (at(2027, 1, 15), ("month", 1), 1, at(2027, 2, 15)),
        (at(2027, 1, 31), ("month", 1), 1, at(2027, 2, 28)),
        (at(2027, 1, 31), ("month", 1), 2, at(2027, 3, 31)),
        (at(2027, 1, 31), ("month", 1), 13, at(2028, 2, 29)),
        (at(2027, 11, 30), ("month", 3), 1, at(2028, 2, 29)),
        (at(2028, 2, 29), ("year", 1), 1, at(2029, 2, 28)),
        (at(2028, 2, 29), ("year", 1), 4, at(2032, 2, 29)),
        (at(2027, 1, 15), ("year", 2), 1, at(2029, 1, 15)),
        (at(2027, 1, 15), ("month", 1), 0, at(2027, 1, 15)),
    ],
)
def test_an_interval_later(start: datetime, interval: tuple[str, int], times: int, expected: datetime) -> None:
    assert later(start, interval, times) == expected


def test_an_unknown_unit_is_an_error() -> None:
    with pytest.raises(KeyError):
        later(at(2027, 1, 15), ("fortnight", 1))


def test_the_31st_stays_the_31st() -> None:
    starts = period_starts(at(2027, 1, 31), ("month", 1), at(2027, 2, 10))
    assert [f"{each:%m-%d}" for each in islice(starts, 5)] == ["02-28", "03-31", "04-30", "05-31", "06-30"]


def test_a_start_that_is_now_has_passed() -> None:
    assert next(period_starts(at(2027, 1, 15), ("month", 1), at(2027, 2, 15))) == at(2027, 3, 15)


def test_an_anchor_in_the_future_is_the_first_start() -> None:
    assert next(period_starts(at(2027, 5, 15), ("month", 1), at(2027, 2, 15))) == at(2027, 5, 15)


@pytest.mark.parametrize(
    ("unit", "length", "expected"),
    [
        ("month", 1, at(2027, 2, 28, 12)),
        ("month", 3, at(2027, 4, 30, 12)),
        ("week", 1, at(2027, 2, 7, 12)),
        ("week", 6, at(2027, 3, 14, 12)),
    ],
)
def test_a_pause_ends_that_many_months_or_weeks_later(unit: Unit, length: int, expected: datetime) -> None:
    assert end_of_pause(at(2027, 1, 31, 12), unit, length, at(2027, 1, 20), ("month", 1)) == expected


def test_a_pause_that_would_end_at_the_start_of_a_period_ends_an_hour_later() -> None:
    """Stripe might otherwise charge that period's invoice or not, depending on which it does first."""
    assert end_of_pause(at(2027, 1, 15), "month", 2, at(2026, 10, 15), ("month", 1)) == at(2027, 3, 15, 10)
    assert end_of_pause(at(2027, 1, 15), "week", 2, at(2027, 1, 1), ("week", 4)) == at(2027, 1, 29, 10)
    assert end_of_pause(at(2027, 1, 15), "week", 1, at(2027, 1, 1), ("week", 4)) == at(2027, 1, 22)


@given(
    some.datetimes(at(2027, 1, 1).replace(tzinfo=None), at(2029, 1, 1).replace(tzinfo=None), timezones=some.just(UTC)),
    UNITS,
    some.integers(1, 6),
    some.integers(0, 500),
)
def test_each_period_starts_after_the_one_before_it(anchor: datetime, unit: str, count: int, days: int) -> None:
    after = anchor + timedelta(days=days)
    starts = list(islice(period_starts(anchor, (unit, count), after), 20))
    assert starts == sorted(set(starts))
    assert starts[0] > after
