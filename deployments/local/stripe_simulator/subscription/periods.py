"""Billing periods: Stripe's arithmetic with days, weeks, months and years from an anchor."""

import calendar
from datetime import UTC, datetime

from ..wire import Document

DAY = 86_400
_MONTHS = {"month": 1, "year": 12}
_SECONDS = {"day": DAY, "week": 7 * DAY}


def add_months(moment: int, months: int) -> int:
    """Return the same day and time some months later, or the last day of a shorter month."""
    start = datetime.fromtimestamp(moment, UTC)
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def add_periods(anchor: int, recurring: Document, count: int) -> int:
    """Return the anchor moved by whole billing periods."""
    steps = recurring["interval_count"] * count
    if recurring["interval"] in _MONTHS:
        return add_months(anchor, _MONTHS[recurring["interval"]] * steps)
    return anchor + int(_SECONDS[recurring["interval"]] * steps)


def next_boundary(anchor: int, recurring: Document, after: int) -> int:
    """Return the first period end after a time, counted from the anchor so that the 31st stays the 31st."""
    return anchor if after < anchor else add_periods(anchor, recurring, _count_after(anchor, recurring, after))


def period_around(anchor: int, recurring: Document, moment: int) -> tuple[int, int]:
    """Return the start and end of the period that a time after the anchor is in."""
    count = _count_after(anchor, recurring, moment)
    return add_periods(anchor, recurring, count - 1), add_periods(anchor, recurring, count)


def _count_after(anchor: int, recurring: Document, after: int) -> int:
    shortest = {"day": DAY, "week": 7 * DAY, "month": 28 * DAY, "year": 365 * DAY}[recurring["interval"]]
    count = max(1, (after - anchor) // (shortest * recurring["interval_count"] * 2))
    while add_periods(anchor, recurring, count) <= after:
        count += 1
    return int(count)
