"""Before step 1: the wish to go on is committed before anything is done, so that no process that dies can lose it."""

from dataclasses import dataclass
from uuid import UUID

from nodes.errors import NotYourSubscription
from nodes.requests.intake import IN_THE_WAY, by_slug, received
from nodes.requests.records import Response

_REFUSALS = by_slug(NotYourSubscription("A user can reactivate only their own subscription"), IN_THE_WAY)


@dataclass(frozen=True)
class Received:
    """The request, and its answer if it has one already. `joined`: another that is under way does the same."""

    request_id: UUID
    response: Response | None = None
    joined: bool = False


async def receive(asked_user_id: str, caller: str, subscription_id: str | None, *, origin: str) -> Received:
    """Commit the wish of a known caller (FEATURES W49, F15). Twice is once: a second joins the one under way.

    Another's `user_id` is refused without any look-up, and so is a wish about a subscription whose cancellation is
    still at work; both leave their row and their audit row. `origin` is api or link. Raises `TooManyAttempts`.
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
