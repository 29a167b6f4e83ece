"""The dates that WF-023 promises, over month ends, leap years and changes of the clock (SPEC, Decided 6 and 11)."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nodes.rules.dates import data_retention_until, months_after, rfc3339

times = some.datetimes(datetime(1990, 1, 1), datetime(2190, 1, 1), timezones=some.just(UTC))
offsets = some.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_specifications_example_holds() -> None:
    assert data_retention_until(at("2026-01-26T00:00:00Z")) == at("2026-04-26T00:00:00Z")


@given(times)
def test_data_is_kept_for_90_days_of_24_hours(cancel_at: datetime) -> None:
    assert data_retention_until(cancel_at) - cancel_at == timedelta(hours=24 * 90)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Auckland"])
@pytest.mark.parametrize("day", ["2026-01-26T00:00:00Z", "2026-08-20T23:30:00Z"])
def test_the_90_days_do_not_depend_on_daylight_saving_time(zone: str, day: str) -> None:
    cancel_at = at(day)
    seen = [time.astimezone(ZoneInfo(zone)) for time in (cancel_at, data_retention_until(cancel_at))]
    assert seen[0].utcoffset() != seen[1].utcoffset()  # the clock changed in between
    assert data_retention_until(cancel_at).timestamp() - cancel_at.timestamp() == 90 * 24 * 3600


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-01-26T00:00:00+00:00", "2026-01-26T00:00:00Z"),
        ("2026-01-26T01:00:00+01:00", "2026-01-26T00:00:00Z"),
        ("2026-01-25T19:00:00-05:00", "2026-01-26T00:00:00Z"),
        ("2026-01-26T00:00:00.999999Z", "2026-01-26T00:00:00Z"),
    ],
)
def test_times_are_written_in_utc_to_the_second(time: str, text: str) -> None:
    assert rfc3339(at(time)) == text


@given(times, offsets)
def test_a_formatted_time_is_the_same_time(time: datetime, offset: timezone) -> None:
    assert at(rfc3339(time.astimezone(offset))) == time.replace(microsecond=0)


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-08-31", 6, "2027-02-28"),
        ("2027-08-31", 6, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2028-02-29", 48, "2032-02-29"),
        ("2096-02-29", 48, "2100-02-28"),  # 2100 is not a leap year
        ("2026-03-31", 1, "2026-04-30"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-06-30", 6, "2026-12-30"),
        ("2026-07-01", 6, "2027-01-01"),
        ("2026-05-05", 0, "2026-05-05"),
    ],
)
def test_months_later_is_the_same_day_or_the_months_last(day: str, months: int, then: str) -> None:
    assert months_after(at(f"{day}T12:34:56Z"), months) == at(f"{then}T12:34:56Z")


@given(times, some.integers(0, 120))
def test_months_are_counted_by_the_calendar(time: datetime, months: int) -> None:
    then = months_after(time, months)
    assert (then.year - time.year) * 12 + then.month - time.month == months
    assert then.day <= time.day
    assert then.day == time.day or (then + timedelta(days=1)).day == 1
    assert then.timetz() == time.timetz()
