"""Move an ended subscription into the past, for programs that use the real time but act months after an end."""

from ..account import Account
from ..subscription.due import ENDED
from ..wire import Document, copy_of

MOMENTS = ("billing_cycle_anchor", "cancel_at", "canceled_at", "created", "ended_at", "start_date")
MOMENTS_OF_ITEM = ("created", "current_period_end", "current_period_start")


class StillLives(Exception):
    """The subscription has not ended; a clock moves its dates."""


def make_older(account: Account, subscription: Document, seconds: int) -> Document:
    """Move every date of an ended subscription back by so many seconds, without an event."""
    if subscription["status"] not in ENDED:
        raise StillLives(f"{subscription['id']} is {subscription['status']}")
    after = copy_of(subscription)
    for moments, holder in ((MOMENTS, after), *((MOMENTS_OF_ITEM, item) for item in after["items"]["data"])):
        for moment in moments:
            if holder[moment] is not None:
                holder[moment] -= seconds
    account.save(after)
    return after
