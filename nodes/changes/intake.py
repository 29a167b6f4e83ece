"""Before step 1: commit the request before anything else is done, so that a crash can't lose it."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from nodes.refusals.changes import OfferNotFound
from nodes.refusals.requests import KeyReused, KeyUnderWay
from nodes.requests.carrying_out import ByPage, carrier_of
from nodes.requests.intake import IN_THE_WAY, Received, as_received, by_slug, received
from nodes.requests.kind import CHANGES
from nodes.services import services

_REFUSALS = by_slug(IN_THE_WAY, KeyReused(), KeyUnderWay())


@dataclass(frozen=True)
class Asked:
    """What the caller wants: `offer_id` is None to end a pause. `choice`: see nodes/offers/options.py."""

    offer_id: str | None
    subscription_id: str | None
    choice: dict[str, Any]
    every_subscription: bool = False
    by_page: ByPage | None = None

    def fingerprint(self) -> bytes:
        """Return a hash of the request, to recognize a repeated one."""
        whole = [self.offer_id, self.subscription_id, self.every_subscription, self.choice, self.by_page is not None]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).digest()


async def receive(
    asked: Asked, kind: str, caller: str, *, origin: str, key: str | None = None, session_id: UUID | None = None
) -> list[Received]:
    """Commit an authenticated caller's request, or find the one with their `Idempotency-Key` or an equal one.

    Returns one request for each live subscription if they asked for `every_subscription`.
    Refuses a subscription for which another request is under way, which writes its row and audit row. Raises
    `KeyReused`, `KeyUnderWay` and `TooManyAttempts`. `session_id`: as for a cancellation.
    """
    found = await received(
        "receive_change",
        _REFUSALS,
        user_id=caller,
        action=CHANGES[kind].action,
        kind=kind,
        offer_id=asked.offer_id,
        asked_subscription=asked.subscription_id,
        every=asked.every_subscription,
        choice=asked.choice,
        origin=origin,
        key=key,
        session_id=session_id,
        carried_out_by="page" if asked.by_page else carrier_of(kind),
        message=asked.by_page.message if asked.by_page else None,
        fingerprint=asked.fingerprint() if key is not None else None,
    )
    return [as_received(each, _REFUSALS) for each in found]


def kind_of(asked: Asked) -> str:
    """Return the kind of change that is asked for. Raises `OfferNotFound`."""
    kind = "resume" if asked.offer_id is None else services().catalog.kind_of_offer(asked.offer_id)
    if kind is None:
        raise OfferNotFound
    return kind


async def kind_of_change(request_id: UUID, user_id: str) -> str:
    """Return the kind of a request, which names its flow."""
    async with services().database.as_user(user_id) as transaction:
        [kind] = await transaction.values("kind_of_change", request_id=request_id)
    return str(kind)
