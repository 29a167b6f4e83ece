"""Step 1: the intent is committed before anything is done, and the flow takes it up by its id."""

from dataclasses import dataclass
from uuid import UUID

from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from nodes.cancellation.finish import finish
from nodes.cancellation.records import Answer, CancellationRequest
from nodes.errors import AlreadyRefused, NotYourSubscription, ReasonRequired, Refusal, RequestUnknown
from nodes.node import node
from nodes.problems import problem_of, slug_of
from nodes.rules.reasons import reason_required
from nodes.services import services


@dataclass(frozen=True)
class Asked:
    """The body of the POST, once it was read: FEATURES W01."""

    user_id: UUID
    reason: str | None
    feedback: str | None
    accept_offer: bool
    subscription_id: str | None


async def receive(asked: Asked, caller: UUID) -> tuple[UUID, Answer | None]:
    """Commit the intent of an authenticated caller; returns its id, and its answer if it is refused outright.

    Another's `user_id` is refused without any look-up (SPEC, Decided 4), a missing reason by the customer's country
    (FEATURES W25). Both leave their row and their audit row.
    """
    async with services().database.as_user(caller) as transaction:
        [request_id] = await transaction.values(
            "receive_request",
            user_id=caller,
            asked_user_id=asked.user_id,
            asked_subscription=asked.subscription_id,
            accept_offer=asked.accept_offer,
            reason=asked.reason,
            feedback=asked.feedback,
        )
    try:
        await _admit(asked, caller)
    except Refusal as refusal:
        answer = Answer("refused", refusal.status, problem_of(refusal, request_id))
        await finish(request_id, caller, answer, problem=slug_of(refusal))
        return request_id, answer
    return request_id, None


async def _admit(asked: Asked, caller: UUID) -> None:
    if asked.user_id != caller:
        raise NotYourSubscription
    if asked.accept_offer or asked.reason:
        return
    async with services().database.as_user(caller) as transaction:
        countries = await transaction.values("country_of_customer", user_id=caller)
    optional = services().settings.reason_optional_countries
    if reason_required(countries[0] if countries else None, optional):
        raise ReasonRequired


@node("Cancellation Request", step="1")
async def cancellation_request(request_id: UUID) -> CancellationRequest:
    """Take up the request, as far as it has come."""
    database = services().database
    owner = await database.owner_of_request(request_id)
    if owner is None:
        raise RequestUnknown(f"no cancellation request has the id {request_id}")
    async with database.as_user(owner) as transaction:
        request = await transaction.one(
            "take_up_request", CancellationRequest, request_id=request_id, flow_run_id=flow_run.id
        )
    if request is None:
        raise RequestUnknown(f"no cancellation request has the id {request_id}")
    if request.outcome == "refused":
        raise AlreadyRefused
    get_run_logger().info("request %s of user %s, so far %s", request.id, request.user_id, request.recovery_point)
    return request
