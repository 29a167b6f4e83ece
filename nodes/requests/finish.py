"""Finish a request: write its response, audit row, session, webhooks, tasks and call in one transaction, once."""

from dataclasses import dataclass
from uuid import UUID

from nodes.messages.webhooks import put_webhooks
from nodes.requests.caller import respond_to_caller
from nodes.requests.calls import plan_call
from nodes.requests.kind import Kind
from nodes.requests.records import Response
from nodes.services import services
from nodes.tasks.of_sessions import put_session_tasks


@dataclass(frozen=True)
class _Finished:
    asked_user_id: str
    subscription_id: str | None
    stripe_request_id: str | None


async def finish(
    kind: Kind,
    request_id: UUID,
    user_id: str,
    response: Response,
    *,
    problem: str | None = None,
    stripe_request_id: str | None = None,
    recheck: bool = False,
    email: str | None = None,
    withdraw: bool = False,
) -> bool:
    """Record the response (FEATURES W29); return False if there is one already, or the request can't fail any more.

    `recheck`: Stripe may have applied the change and is checked later. `email`: put this email in the outbox, because
    the caller gets no direct response. `withdraw`: remove the request's unsent messages and its retention job.
    """
    async with services().database.as_user(user_id) as transaction:
        finished = await transaction.one(
            f"finish_{kind.name}",
            _Finished,
            request_id=request_id,
            outcome=response.outcome,
            http_status=response.http_status,
            response=response.body,
            stripe_request_id=stripe_request_id,
            recheck=recheck or email is not None,
        )
        if finished is None:
            return False
        await transaction.run(
            "write_audit",
            user_id=user_id,
            action=kind.action,
            request_id=request_id,
            asked_user_id=finished.asked_user_id,
            subscription_id=finished.subscription_id,
            outcome=response.outcome,
            http_status=response.http_status,
            problem=problem,
            stripe_request_id=finished.stripe_request_id,
        )
        if withdraw:
            await transaction.run("withdraw_from_outbox", request_id=request_id, kind=None)
            await transaction.run("drop_retention_job_of_request", request_id=request_id)
        if email:
            await transaction.run("put_in_outbox", request_id=request_id, user_id=user_id, kind=email)
        if response.outcome == "refused":
            await transaction.run("refused_in_session", request_id=request_id)
        await put_webhooks(transaction, request_id)
        await put_session_tasks(transaction, request_id)
        await plan_call(transaction, request_id)
    respond_to_caller(response)
    return True
