"""Before step 1: commit the request before anything else is done, so that a crash can't lose it."""

from dataclasses import dataclass
from uuid import UUID

from nodes.errors import NotYourSubscription
from nodes.requests.intake import IN_THE_WAY, by_slug, received
from nodes.requests.records import Response

_REFUSALS = by_slug(NotYourSubscription("A user can reactivate only their own subscription"), IN_THE_WAY)


@dataclass(frozen=True)
class Received:
    """The request, and its response if it has one already. `joined`: it is an earlier one that is under way."""

    request_id: UUID
    response: Response | None = None
    joined: bool = False


async def receive(asked_user_id: str, caller: str, subscription_id: str | None, *, origin: str) -> Received:
    """Commit an authenticated caller's request (FEATURES W49, F15). A second request joins the one under way.

    Refuses another user's `user_id` without a look-up, and a subscription whose cancellation is still under way; both
    write their row and audit row. `origin` is api or link. Raises `TooManyAttempts`.
    """
    found = await received(
        "receive_reactivation",
        _REFUSALS,
        user_id=caller,
        asked_user_id=asked_user_id,
        asked_subscription=subscription_id,
        origin=origin,
    )
    return Received(found.id, found.answered, joined=found.outcome == "joined")
