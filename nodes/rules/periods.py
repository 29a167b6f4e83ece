"""Billing periods as Stripe counts them: whole intervals from an anchor, so that the 31st stays the 31st.

https://docs.stripe.com/billing/subscriptions/billing-cycle
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import count

from nodes.rules.dates import months_after
from nodes.rules.ways_to_stay import Unit

_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}
_A_YEAR = {"day": 365, "week": 52, "month": 12, "year": 1}


def later(start: datetime, interval: tuple[str, int], times: int = 1) -> datetime:
    """Return the time some whole intervals, such as `("month", 3)`, after `start`."""
    unit, each = interval
    if unit in _MONTHS:
        return months_after(start, _MONTHS[unit] * each * times)
    return start + timedelta(days=_DAYS[unit] * each * times)


def period_starts(anchor: datetime, interval: tuple[str, int], after: datetime) -> Iterator[datetime]:
    """Yield, without end, the starts of the periods after a time; each is the date of an invoice."""
    return (start for n in count() if (start := later(anchor, interval, n)) > after)


def end_of_pause(now: datetime, unit: Unit, length: int, anchor: datetime, interval: tuple[str, int]) -> datetime:
    """Return when billing resumes, that many months or weeks from now.

    An hour later if that is the start of a period: its invoice then belongs to the pause, whichever Stripe does first.
    """
    end = later(now, (unit, length))
    is_start = next(period_starts(anchor, interval, end - timedelta(seconds=1))) == end
    return end + timedelta(hours=1) if is_start else end


def a_month(amount: int, interval: tuple[str, int]) -> Fraction:
    """Return what an amount per interval is a month."""
    unit, each = interval
    return Fraction(amount * _A_YEAR[unit], 12 * each)
