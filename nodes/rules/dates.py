"""The dates that WF-023 promises, and their format (SPEC, Decided 6 and 11)."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

RETENTION = timedelta(days=90)
# A promotional price of more than 31 days is announced to end 3 to 21 days before (California, AB 390).
DISCOUNT_NOTICE, SHORTEST_DISCOUNT = timedelta(days=14), timedelta(days=31)


def data_retention_until(cancel_at: datetime) -> datetime:
    """Return the time 90 days of 24 hours after the cancellation takes effect."""
    return cancel_at + RETENTION


def discount_notice_at(ends_at: datetime | None, since: datetime) -> datetime | None:
    """Return when to announce that a discount ends; None for a short one, or one without an end."""
    return ends_at - DISCOUNT_NOTICE if ends_at and ends_at - since > SHORTEST_DISCOUNT else None


def rfc3339(moment: datetime) -> str:
    """Return the time in UTC with `Z`, to the second: `2026-01-26T00:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def months_after(moment: datetime, months: int) -> datetime:
    """Return the same day `months` calendar months later, or that month's last day if it is shorter."""
    years, month = divmod(moment.month - 1 + months, 12)
    last_day = monthrange(moment.year + years, month + 1)[1]
    return moment.replace(year=moment.year + years, month=month + 1, day=min(moment.day, last_day))
