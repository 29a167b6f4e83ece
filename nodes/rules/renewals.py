"""The end of the period that a customer has paid for, derived from Stripe's clock and the database's."""

from datetime import datetime, timedelta

# Stripe's times are whole seconds, so an age may be off by one second on either side.
ROUNDING = timedelta(seconds=2)


def paid_until(
    *, period_start: datetime, period_end: datetime, read_at: datetime | None, waited: timedelta
) -> datetime:
    """Return the end, by Stripe's clock, of the period that was running when the customer asked.

    That is usually the period that Stripe first returns. If it was read late, that period may have begun after the
    request: its age by Stripe's clock is then less than the request's age by the database's clock. Each duration is
    measured by one clock, so a difference between the clocks doesn't matter.

    Args:
        period_start: of the period that Stripe first returned, by Stripe's clock; of several items, the latest.
        period_end: the same; of several items, the earliest.
        read_at: when Stripe returned it, by Stripe's clock; None if unknown, as on a test clock.
        waited: from the request to the first read, by the database's clock.
    """
    age = read_at - period_start if read_at else None
    began_since = age is not None and timedelta(0) <= age < waited - ROUNDING
    return period_start if began_since else period_end
