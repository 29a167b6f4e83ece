"""Before step 1: the wish to go on is committed before anything is done, so that no process that dies can lose it."""

from dataclasses import dataclass
from uuid import UUID

from nodes.cancellation.records import Answer
from nodes.clients.database import Transaction
from nodes.errors import NotYourSubscription, Refusal, RequestUnderWay
from nodes.problems import problem_of, slug_of
from nodes.requests.finish import finish_in
from nodes.requests.kind import REACTIVATION
from nodes.services import services

NOT_YOURS = "A user can reactivate only their own subscription"


@dataclass(frozen=True)
class Received:
    """The request, and its answer if it has one already. `joined`: another that is under way does the same."""

    request_id: UUID
    answer: Answer | None = None
    joined: bool = False


async def receive(asked_user_id: str, caller: str, subscription_id: str | None, *, origin: str) -> Received:
    """Commit the wish of a known caller (FEATURES W49, F15). Twice is once: a second joins the one under way.

    Another's `user_id` is refused without any look-up, and so is a wish about a subscription whose cancellation is
    still at work; both leave their row and their audit row. `origin` is api or link.
    """
    async with services().database.as_user(caller) as transaction:
        await transaction.run("one_intake_at_a_time", user_id=caller)
        if asked_user_id == caller and (found := await _under_way(transaction, caller, subscription_id)):
            return Received(found, joined=True)
        [request_id] = await transaction.values(
            "receive_reactivation",
            user_id=caller,
            asked_user_id=asked_user_id,
            asked_subscription=subscription_id,
            origin=origin,
        )
        try:
            await _admit(transaction, asked_user_id, caller, subscription_id)
        except Refusal as refusal:
            answer = Answer("refused", refusal.status, problem_of(refusal, request_id))
            await finish_in(transaction, REACTIVATION, request_id, caller, answer, problem=slug_of(refusal))
            return Received(request_id, answer)
    return Received(request_id)


async def _under_way(transaction: Transaction, caller: str, subscription_id: str | None) -> UUID | None:
    under_way: list[UUID] = await transaction.values(
        "reactivation_under_way", user_id=caller, subscription_id=subscription_id
    )
    if not under_way:
        return None
    await transaction.run(
        "write_audit",
        user_id=caller,
        action=REACTIVATION.action,
        request_id=under_way[0],
        asked_user_id=caller,
        subscription_id=subscription_id,
        outcome="joined",
        http_status=202,
        problem=None,
        stripe_request_id=None,
    )
    return under_way[0]


async def _admit(transaction: Transaction, asked_user_id: str, caller: str, subscription_id: str | None) -> None:
    if asked_user_id != caller:
        raise NotYourSubscription(NOT_YOURS)
    cancelling = await transaction.values("cancellation_under_way", user_id=caller, subscription_id=subscription_id)
    if cancelling:
        raise RequestUnderWay(under_way=str(cancelling[0]), location=f"/cancellation-requests/{cancelling[0]}")
