"""Before step 1: the intent is committed before anything is done, so that no process that dies can lose it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from nodes.cancellation.records import Answer
from nodes.clients.database import Transaction
from nodes.errors import (
    CancelflowError,
    ConstraintViolated,
    KeyReused,
    KeyUnderWay,
    NotYourSubscription,
    ReasonRequired,
    Refusal,
    RequestUnderWay,
)
from nodes.problems import problem_of, slug_of
from nodes.requests.finish import finish_in
from nodes.requests.kind import CANCELLATION
from nodes.rules.reasons import reason_required
from nodes.services import services


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
    answer: Answer | None
    retry_after: int | None = None


@dataclass(frozen=True)
class _Earlier:
    fingerprint: bytes
    id: UUID
    outcome: str | None
    http_status: int | None
    answer: dict[str, Any] | None


class _KeyTaken(CancelflowError):
    """Undoes the transaction of a request whose key stands for an earlier one."""


async def receive(
    asked: Asked, caller: str, key: str | None = None, *, in_line: bool = False, coming_in_seconds: float = 0
) -> Received:
    """Commit the intent of an authenticated caller, or find the one that their `Idempotency-Key` stands for.

    Another's `user_id` is refused without any look-up (SPEC, Decided 4), a missing reason by the customer's country
    (FEATURES W25), a second request about one subscription while the first is under way; all leave their row and their
    audit row, in the transaction that receives them. Raises `KeyReused` and `KeyUnderWay`.

    `in_line`: no run can be started here and now, so whoever looks next may take it up. `coming_in_seconds`: how long
    ago the request arrived; what took effect since then was under way at the same time.
    """
    try:
        async with services().database.as_user(caller) as transaction:
            await transaction.run("one_intake_at_a_time", user_id=caller)
            return await _receive(transaction, asked, caller, key, in_line, coming_in_seconds)
    except _KeyTaken:
        return await _earlier(asked, caller, key or "", in_line)


async def _receive(
    transaction: Transaction, asked: Asked, caller: str, key: str | None, in_line: bool, coming_in_seconds: float
) -> Received:
    [request_id] = await transaction.values(
        "receive_request",
        in_line=in_line,
        user_id=caller,
        asked_user_id=asked.user_id,
        asked_subscription=asked.subscription_id,
        accept_offer=asked.accept_offer,
        reason=asked.reason,
        feedback=asked.feedback,
    )
    if key is not None and not await transaction.values(
        "take_idempotency_key", user_id=caller, key=key, fingerprint=asked.fingerprint(), request_id=request_id
    ):
        raise _KeyTaken
    try:
        await _admit(transaction, asked, caller)
        await _refuse_a_second(transaction, asked, caller, request_id, coming_in_seconds)
    except Refusal as refusal:
        answer = Answer("refused", refusal.status, problem_of(refusal, request_id))
        await finish_in(transaction, CANCELLATION, request_id, caller, answer, problem=slug_of(refusal))
        return Received(request_id, answer, refusal.retry_after)
    return Received(request_id, None)


async def _admit(transaction: Transaction, asked: Asked, caller: str) -> None:
    if asked.user_id != caller:
        raise NotYourSubscription
    if asked.accept_offer or asked.reason:
        return
    countries = await transaction.values("country_of_customer", user_id=caller)
    optional = services().settings.reason_optional_countries
    if reason_required(countries[0] if countries else None, optional):
        raise ReasonRequired


async def _refuse_a_second(
    transaction: Transaction, asked: Asked, caller: str, request_id: UUID, coming_in_seconds: float
) -> None:
    in_the_way = await transaction.values(
        "request_in_the_way",
        user_id=caller,
        request_id=request_id,
        asked_subscription=asked.subscription_id,
        coming_in_seconds=coming_in_seconds,
    )
    if in_the_way:
        raise RequestUnderWay(under_way=str(in_the_way[0]), location=f"/cancellation-requests/{in_the_way[0]}")


async def _earlier(asked: Asked, caller: str, key: str, in_line: bool) -> Received:
    async with services().database.as_user(caller) as transaction:
        [earlier] = await transaction.all("request_of_key", _Earlier, user_id=caller, key=key)
    if earlier.fingerprint != asked.fingerprint():
        raise KeyReused(request_id=earlier.id)
    if earlier.outcome is None or earlier.http_status is None or earlier.answer is None:
        raise KeyUnderWay(request_id=earlier.id)
    if earlier.outcome == "failed":
        await _reopen(earlier.id, caller, in_line)
        return Received(earlier.id, None)
    return Received(earlier.id, Answer(earlier.outcome, earlier.http_status, earlier.answer))


async def _reopen(request_id: UUID, caller: str, in_line: bool) -> None:
    """The caller was told to try again: it is the same request, with its first moment."""
    database = services().database
    try:
        async with database.as_user(caller) as transaction:
            if not await transaction.run("reopen_request", request_id=request_id, asked_for=True):
                raise KeyUnderWay(request_id=request_id)  # by the same key, at the same time
    except ConstraintViolated:
        raise RequestUnderWay from None  # another for this subscription has come in between
    if in_line:
        await database.end_lease(request_id)
