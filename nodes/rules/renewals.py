"""Until when a customer has paid, as two clocks allow to tell: Stripe's, and the database's."""

from datetime import datetime, timedelta

# Stripe's times are whole seconds, so that an age may be off by one on either side.
ROUNDING = timedelta(seconds=2)


def paid_until(
    *, period_start: datetime, period_end: datetime, read_at: datetime | None, waited: timedelta
) -> datetime:
    """Return the end, by Stripe's clock, of the period that was running when the customer asked.

    That is the period that the first look at Stripe finds. If that look was late, the period may have begun since:
    then, by Stripe's clock, it is younger than the request is by the database's. Two durations are compared, each
    measured by one clock, so it doesn't matter how far the clocks are apart.

    Args:
        period_start: of the period that the first look found, by Stripe's clock.
        period_end: the same.
        read_at: when Stripe returned it, by Stripe's clock; None where that isn't known, as on a test clock.
        waited: from the request to the first look, by the database's clock.
    """
    age = read_at - period_start if read_at else None
    began_since = age is not None and timedelta(0) <= age < waited - ROUNDING
    return period_start if began_since else period_end
