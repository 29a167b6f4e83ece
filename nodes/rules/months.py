"""Months of the report: in UTC, named `2026-10`, represented by their first day."""

import re
from datetime import date

_NAME = re.compile(r"(\d{4})-(\d{2})")


def month_named(name: str) -> date:
    """Return the month of a name such as `2026-10`; raises ValueError for anything else."""
    named = _NAME.fullmatch(name)
    if named is None:
        raise ValueError(f"{name!r} is no month; write it as 2026-10")
    try:
        return date(int(named[1]), int(named[2]), 1)
    except ValueError:
        raise ValueError(f"{name!r} is no month; write it as 2026-10") from None


def month_before(day: date, months: int = 1) -> date:
    """Return the month `months` before the one of `day`."""
    counted = day.year * 12 + day.month - 1 - months
    return date(counted // 12, counted % 12 + 1, 1)
