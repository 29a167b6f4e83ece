"""The way to cancel a subscription, by its status in Stripe (SPEC, Decided 7)."""

from enum import Enum


class Ending(Enum):
    """The ways to end a subscription."""

    AT_PERIOD_END = "at period end"
    NOW = "now"
    ENDED_ALREADY = "ended already"


# All eight of Stripe's statuses, so that none is handled by accident.
ENDINGS = {
    "active": Ending.AT_PERIOD_END,
    "trialing": Ending.AT_PERIOD_END,  # the trial's end, so nothing is ever charged
    "past_due": Ending.AT_PERIOD_END,  # or now, if the period wasn't paid: nodes/invoices/unpaid
    "unpaid": Ending.NOW,  # the customer has no paid time left to keep
    "paused": Ending.NOW,  # a paused subscription never reaches its period's end
    "incomplete": Ending.NOW,  # never paid, and Stripe refuses a cancellation at period end here
    "incomplete_expired": Ending.ENDED_ALREADY,
    "canceled": Ending.ENDED_ALREADY,
}

PENDING_CANCELLATION = "pending_cancellation"


def is_pending(*, cancel_at_period_end: bool, cancel_at: object | None) -> bool:
    """Return whether an end is set, by either field: flexible billing and Stripe's portal set only `cancel_at`."""
    return cancel_at_period_end or cancel_at is not None


def is_live(status: str) -> bool:
    """Return whether the subscription has not ended. An unknown status counts as live, as Stripe may add statuses."""
    return ENDINGS.get(status, Ending.AT_PERIOD_END) is not Ending.ENDED_ALREADY


def ending_of(status: str) -> Ending:
    """Return how to end a subscription of this status: at period end if the status is unknown."""
    return ENDINGS.get(status, Ending.AT_PERIOD_END)


def local_status(status: str, *, pending: bool) -> str:
    """Return our row's status: Stripe's, or `pending_cancellation` for a live one whose cancellation is scheduled.

    An unknown status becomes `active`, because such a subscription is cancelled like an active one.
    """
    if pending and is_live(status):
        return PENDING_CANCELLATION
    return status if status in ENDINGS else "active"


def has_access(status: str) -> bool:
    """Return whether a customer with this local status may use the product: paid, on trial, or past due."""
    return status in ("trialing", "active", "past_due", PENDING_CANCELLATION)
