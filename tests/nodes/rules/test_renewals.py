"""The end of the paid period, however far apart Stripe's clock and the database's are."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from nodes.rules.renewals import ROUNDING, paid_until

MONTH = timedelta(days=30)
SECOND = timedelta(seconds=1)
times = some.datetimes(datetime(1990, 1, 1), datetime(2190, 1, 1), timezones=some.just(UTC))
durations = some.integers(0, 90 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))


@given(start=times, age=durations, waited=durations)
def test_a_period_that_began_after_the_request_was_not_the_paid_one(
    start: datetime, age: timedelta, waited: timedelta
) -> None:
    found = paid_until(period_start=start, period_end=start + MONTH, read_at=start + age, waited=waited)

    assert found == (start if age < waited - ROUNDING else start + MONTH)


@given(start=times, waited=durations)
def test_the_current_period_counts_if_stripes_time_is_unknown(start: datetime, waited: timedelta) -> None:
    assert paid_until(period_start=start, period_end=start + MONTH, read_at=None, waited=waited) == start + MONTH


@given(start=times, ahead=durations, waited=durations)
def test_a_future_period_did_not_begin_after_the_request(start: datetime, ahead: timedelta, waited: timedelta) -> None:
    read_at = start - ahead - SECOND
    assert paid_until(period_start=start, period_end=start + MONTH, read_at=read_at, waited=waited) == start + MONTH
