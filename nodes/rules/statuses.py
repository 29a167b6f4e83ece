"""What cancelling means, by Stripe's status of the subscription (SPEC, Decided 7)."""

from enum import Enum


class Ending(Enum):
    """How a subscription of some status is brought to its end."""

    AT_PERIOD_END = "at period end"
    NOW = "now"
    ENDED_ALREADY = "ended already"


# Each of Stripe's eight statuses, so that none is handled by accident.
ENDINGS = {
    "active": Ending.AT_PERIOD_END,
    "trialing": Ending.AT_PERIOD_END,  # which is the trial's end: nothing is ever charged
    "past_due": Ending.AT_PERIOD_END,  # or now, where it wasn't paid: nodes/invoices/unpaid
    "unpaid": Ending.NOW,  # nothing paid is left to keep, and the period would only run on
    "paused": Ending.NOW,  # a paused subscription never reaches its period's end
    "incomplete": Ending.NOW,  # never paid for; Stripe takes no cancellation at period end here
    "incomplete_expired": Ending.ENDED_ALREADY,
    "canceled": Ending.ENDED_ALREADY,
}

PENDING_CANCELLATION = "pending_cancellation"


def is_pending(*, cancel_at_period_end: bool, cancel_at: object | None) -> bool:
    """Either sign: flexible billing and Stripe's portal set only `cancel_at`."""
    return cancel_at_period_end or cancel_at is not None


def is_live(status: str) -> bool:
    """Return whether there is still something to cancel. An unknown status counts as live, for Stripe adds words."""
    return ENDINGS.get(status, Ending.AT_PERIOD_END) is not Ending.ENDED_ALREADY


def ending_of(status: str) -> Ending:
    """Return how to end a subscription of this status; a status that Stripe added since is asked to end at period end."""
    return ENDINGS.get(status, Ending.AT_PERIOD_END)


def local_status(status: str, *, pending: bool) -> str:
    """Return our row's status: Stripe's, or `pending_cancellation` for a live one whose cancellation is scheduled.

    A status that Stripe has added since is `active`, as which such a subscription is cancelled.
    """
    if pending and is_live(status):
        return PENDING_CANCELLATION
    return status if status in ENDINGS else "active"


def has_access(status: str) -> bool:
    """Return whether a customer of this local status may use the product: what is paid for, tried, or being collected."""
    return status in ("trialing", "active", "past_due", PENDING_CANCELLATION)
