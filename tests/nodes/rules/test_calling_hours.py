"""The time of a call, in every time zone in which the customer may be."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as some

from nodes.rules.calls.hours import next_call

ZONES = sorted(name for name in available_timezones() if name.startswith(("A", "E", "I", "P")))
TIMES = some.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=some.just(UTC))


def allowed(at: datetime, zones: list[str]) -> bool:
    return all(time(8) <= at.astimezone(ZoneInfo(zone)).time() < time(21) for zone in zones)


@given(now=TIMES, zones=some.lists(some.sampled_from(ZONES), min_size=1, max_size=4))
def test_no_call_is_out_of_hours_anywhere_and_none_is_later_than_needed(now: datetime, zones: list[str]) -> None:
    found = next_call(now, zones)
    # Each quarter of an hour, as no zone's offset is finer; an opening is at a full hour of some zone.
    quarter = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    steps = [now, *(quarter + timedelta(minutes=15 * count) for count in range(1, 2 * 96))]
    fit = [at for at in steps if allowed(at, zones)]
    assert found == (fit[0] if fit else None)


@pytest.mark.parametrize(
    ("now", "zones", "expected"),
    [
        ("2026-11-26T08:00", ["Europe/London"], "2026-11-26T08:00"),
        ("2026-11-26T07:59", ["Europe/London"], "2026-11-26T08:00"),
        ("2026-11-26T20:59", ["Europe/London"], "2026-11-26T20:59"),
        ("2026-11-26T21:00", ["Europe/London"], "2026-11-27T08:00"),
        # Coast to coast: from 8:00 in Los Angeles until 21:00 in New York.
        ("2026-11-26T13:00", ["America/New_York", "America/Los_Angeles"], "2026-11-26T16:00"),
        ("2026-11-27T02:00", ["America/New_York", "America/Los_Angeles"], "2026-11-27T16:00"),
        # The night in which the clocks are put back has an hour more.
        ("2026-10-24T20:00", ["Europe/Berlin"], "2026-10-25T07:00"),
        ("2026-11-26T12:00", ["Pacific/Auckland", "America/Los_Angeles"], "2026-11-26T19:00"),
        ("2026-11-26T12:00", ["Asia/Tokyo", "America/New_York"], "2026-11-26T23:00"),
        ("2026-11-26T12:00", ["Asia/Tokyo", "Europe/London", "America/Los_Angeles"], None),
        ("2026-11-26T12:00", [], None),
        ("2026-11-26T12:00", ["Etc/Nowhere"], None),
        ("2026-11-26T12:00", ["Europe"], None),
    ],
)
def test_the_next_time_for_a_call(now: str, zones: list[str], expected: str | None) -> None:
    found = next_call(datetime.fromisoformat(now).replace(tzinfo=UTC), zones)
    assert found == (datetime.fromisoformat(expected).replace(tzinfo=UTC) if expected else None)
