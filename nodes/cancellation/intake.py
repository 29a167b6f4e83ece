"""Before step 1: commit the request before anything else is done, so that a crash can't lose it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from nodes.refusals.cancellation import NotYourSubscription, ReasonRequired
from nodes.refusals.requests import KeyReused, KeyUnderWay
from nodes.requests.carrying_out import ByPage, carrier_of
from nodes.requests.intake import IN_THE_WAY, Received, as_received, by_slug, received
from nodes.services import services

_REFUSALS = by_slug(NotYourSubscription(), ReasonRequired(), IN_THE_WAY, KeyReused(), KeyUnderWay())


@dataclass(frozen=True)
class Asked:
    """The parsed body of the POST (FEATURES W01). `feedback_option`: Stripe's, only from the cancel page."""

    user_id: str
    reason: str | None
    feedback: str | None
    accept_offer: bool
    subscription_id: str | None
    as_of: datetime | None = None
    every_subscription: bool = False
    by_page: ByPage | None = None
    feedback_option: str | None = None

    def fingerprint(self) -> bytes:
        """Return a hash of the body, to recognize a repeated one without storing its content."""
        return hashlib.sha256(json.dumps(asdict(self), default=str).encode()).digest()


async def receive(
    asked: Asked,
    caller: str,
    key: str | None = None,
    *,
    in_line: bool = False,
    coming_in_seconds: float = 0,
    session_id: UUID | None = None,
) -> list[Received]:
    """Commit an authenticated caller's request, or find the one with their `Idempotency-Key`.

    Returns one request for each live subscription if they asked for `every_subscription`.

    Refuses another user's `user_id` without a look-up (SPEC, Decided 4), a missing reason, depending on the customer's
    country (FEATURES W25), and a second request for a subscription while the first is under way; all of them write
    their row and audit row in the same statement. Raises `KeyReused`, `KeyUnderWay` and `TooManyAttempts`.

    `in_line`: no run can be started immediately, so any process may claim it. `coming_in_seconds`: how long ago the
    request arrived; a request that took effect since then counts as concurrent. `session_id`: of the cancel page;
    its session gets the request in the same transaction.
    """
    found = await received(
        "receive_cancellation",
        _REFUSALS,
        user_id=caller,
        asked_user_id=asked.user_id,
        asked_subscription=asked.subscription_id,
        every=asked.every_subscription,
        accept_offer=asked.accept_offer,
        reason=asked.reason,
        feedback=asked.feedback,
        feedback_option=asked.feedback_option,
        as_of=asked.as_of,
        in_line=in_line,
        coming_in_seconds=coming_in_seconds,
        key=key,
        session_id=session_id,
        carried_out_by="page" if asked.by_page else carrier_of("discount" if asked.accept_offer else "cancel"),
        message=asked.by_page.message if asked.by_page else None,
        fingerprint=asked.fingerprint() if key is not None else None,
        reason_optional_countries=sorted(services().settings.reason_optional_countries),
    )
    return [as_received(each, _REFUSALS) for each in found]
