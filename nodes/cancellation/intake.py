"""Before step 1: the intent is committed before anything is done, so that no process that dies can lose it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from uuid import UUID

from nodes.errors import KeyReused, KeyUnderWay, NotYourSubscription, ReasonRequired
from nodes.requests.intake import IN_THE_WAY, by_slug, received
from nodes.requests.records import Response
from nodes.services import services

_REFUSALS = by_slug(NotYourSubscription(), ReasonRequired(), IN_THE_WAY, KeyReused(), KeyUnderWay())


@dataclass(frozen=True)
class Asked:
    """The body of the POST, once it was read: FEATURES W01."""

    user_id: str
    reason: str | None
    feedback: str | None
    accept_offer: bool
    subscription_id: str | None

    def fingerprint(self) -> bytes:
        """Tells another body from the same one, without keeping what it says."""
        return hashlib.sha256(json.dumps(asdict(self), default=str).encode()).digest()


@dataclass(frozen=True)
class Received:
    """The request, and its answer if it has one already; `retry_after` in seconds, where waiting helps."""

    request_id: UUID
    response: Response | None
    retry_after: int | None = None


async def receive(
    asked: Asked, caller: str, key: str | None = None, *, in_line: bool = False, coming_in_seconds: float = 0
) -> Received:
    """Commit the intent of an authenticated caller, or find the one that their `Idempotency-Key` stands for.

    Another's `user_id` is refused without any look-up (SPEC, Decided 4), a missing reason by the customer's country
    (FEATURES W25), a second request about one subscription while the first is under way; all leave their row and their
    audit row, in the statement that receives them. Raises `KeyReused`, `KeyUnderWay` and `TooManyAttempts`.

    `in_line`: no run can be started here and now, so whoever looks next may take it up. `coming_in_seconds`: how long
    ago the request arrived; what took effect since then was under way at the same time.
    """
    found = await received(
        "receive_request",
        _REFUSALS,
        user_id=caller,
        asked_user_id=asked.user_id,
        asked_subscription=asked.subscription_id,
        accept_offer=asked.accept_offer,
        reason=asked.reason,
        feedback=asked.feedback,
        in_line=in_line,
        coming_in_seconds=coming_in_seconds,
        key=key,
        fingerprint=asked.fingerprint() if key is not None else None,
        reason_optional_countries=sorted(services().settings.reason_optional_countries),
    )
    refusal = _REFUSALS[found.problem] if found.problem else None
    if refusal and not found.answered:  # of the key, which stands for an earlier request
        raise type(refusal)(request_id=found.id)
    return Received(found.id, found.answered, refusal.retry_after if refusal else None)
