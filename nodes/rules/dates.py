"""The dates that WF-023 promises, and how they are written (SPEC, Decided 6 and 11)."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

RETENTION = timedelta(days=90)


def data_retention_until(cancel_at: datetime) -> datetime:
    """90 days of 24 hours after the cancellation takes effect."""
    return cancel_at + RETENTION


def rfc3339(moment: datetime) -> str:
    """UTC with `Z`, to the second: `2026-01-26T00:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def months_after(moment: datetime, months: int) -> datetime:
    """Return the same day so many calendar months on, or the month's last day where it has none such."""
    years, month = divmod(moment.month - 1 + months, 12)
    last_day = monthrange(moment.year + years, month + 1)[1]
    return moment.replace(year=moment.year + years, month=month + 1, day=min(moment.day, last_day))
