"""Before step 1: commit the request before anything else is done, so that a crash can't lose it."""

from nodes.refusals.cancellation import NotYourSubscription
from nodes.requests.intake import IN_THE_WAY, Received, by_slug, received

_REFUSALS = by_slug(NotYourSubscription("A user can reactivate only their own subscription"), IN_THE_WAY)


async def receive(asked_user_id: str, caller: str, subscription_id: str | None, *, origin: str) -> Received:
    """Commit an authenticated caller's request (FEATURES W49, F15). A second request joins the one under way.

    Refuses another user's `user_id` without a look-up, and a subscription whose cancellation is still under way; both
    write their row and audit row. `origin` is api or link. Raises `TooManyAttempts`.
    """
    [found] = await received(
        "receive_reactivation",
        _REFUSALS,
        user_id=caller,
        asked_user_id=asked_user_id,
        asked_subscription=subscription_id,
        origin=origin,
    )
    return Received(found.id, found.answered, joined=found.outcome == "joined")
