"""What is over, made older: for a program whose own clock shows today, and that shall do what it does months later."""

from .account import Account
from .due import ENDED
from .wire import Document, copy_of

MOMENTS = ("billing_cycle_anchor", "cancel_at", "canceled_at", "created", "ended_at", "start_date")
MOMENTS_OF_ITEM = ("created", "current_period_end", "current_period_start")


class StillLives(Exception):
    """A subscription that has not ended lives by its clock."""


def make_older(account: Account, subscription: Document, seconds: int) -> Document:
    """Return all that happened to the subscription happened so much earlier. Nobody is told, for nothing happens now."""
    if subscription["status"] not in ENDED:
        raise StillLives(f"{subscription['id']} is {subscription['status']}")
    after = copy_of(subscription)
    for moments, holder in ((MOMENTS, after), *((MOMENTS_OF_ITEM, item) for item in after["items"]["data"])):
        for moment in moments:
            if holder[moment] is not None:
                holder[moment] -= seconds
    account.save(after)
    return after
