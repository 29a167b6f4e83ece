"""`POST /cancel-subscription`, the trigger of WF-023, and a request's status (SPEC, step 1)."""

import asyncio
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse

from deployments.http.api.bodies import CancelSubscriptionRequest
from deployments.http.api.carry_out import ANSWER_SECONDS, LAST_LOOK_SECONDS
from deployments.http.api.every_subscription import respond_for_each
from deployments.http.api.json_body import read_json
from deployments.http.api.response_bodies import Cancelled, Results, Retained, Underway
from deployments.http.api.responses import problems, respond_for_request
from deployments.http.dependencies import Caller, TheRunner, TheServices
from deployments.http.runner import Runner
from nodes.cancellation.intake import Asked, receive
from nodes.errors import DatabaseUnavailable
from nodes.requests.intake import Received, attempt_of
from nodes.requests.kind import CANCELLATION
from nodes.requests.status import RequestStatus, read_status
from nodes.services import using

router = APIRouter(tags=["cancellation"])

# Deadline for recording the request; after it the response is 503.
RECEIVED_SECONDS = 5.0

IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=255, description="a unique key for this request, such as a UUID"),
]

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/CancelSubscriptionRequest"}}},
    }
}


@router.post(
    "/cancel-subscription",
    response_model=Cancelled | Retained | Results,
    responses={
        202: {"model": Underway | Results},
        **problems(400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503),
    },
    openapi_extra=_BODY,
)
async def cancel_subscription(
    request: Request,
    caller: Caller,
    runner: TheRunner,
    services: TheServices,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Cancel the caller's subscription at the end of the paid period, or accept the retention offer instead.

    With an `Idempotency-Key`, repeating the call within 24 hours returns the same response; after a 500 it retries the
    same request.
    """
    arrived: float = request.state.arrived
    with using(services):
        async with attempt_of(CANCELLATION, caller):
            asked = await _read(request)
        async with runner.receiving(arrived + RECEIVED_SECONDS) as in_line:
            received = await receive(
                asked,
                caller,
                idempotency_key,
                in_line=in_line,
                coming_in_seconds=asyncio.get_running_loop().time() - arrived,
            )
        carry_out = partial(_carry_out, caller, None if in_line else runner, arrived + ANSWER_SECONDS)
        if asked.every_subscription:
            return await respond_for_each(received, carry_out, "Cancellation-Request-Id")
        return await carry_out(received[0])


@router.get(
    "/cancellation-requests/{request_id}",
    response_model=Cancelled | Retained,
    responses={202: {"model": Underway}, **problems(400, 401, 403, 404, 409, 500, 503)},
)
async def cancellation_request(request_id: UUID, caller: Caller, services: TheServices) -> JSONResponse:
    """Return the response to a request, or 202 while it is in progress."""
    with using(services):
        return _respond(await read_status(CANCELLATION, request_id, caller), request_id)


async def _carry_out(caller: str, runner: Runner | None, deadline: float, received: Received) -> JSONResponse:
    """Carry out the request and respond until `deadline`; without a `runner`, it waits for another process."""
    if received.response:
        headers = {"Retry-After": str(received.retry_after)} if received.retry_after else {}
        return respond_for_request(
            received.request_id, received.response.http_status, received.response.body, **headers
        )
    if runner is None:
        return _under_way(received.request_id)
    try:
        response = await runner.run(received.request_id, deadline - LAST_LOOK_SECONDS)
        if response:
            return respond_for_request(received.request_id, response.http_status, response.body)
        async with asyncio.timeout_at(deadline):
            return _respond(await read_status(CANCELLATION, received.request_id, caller), received.request_id)
    except (DatabaseUnavailable, TimeoutError):
        # The request is recorded and will be processed once the database is back: neither a failure nor a success.
        return _under_way(received.request_id)


def _respond(request_status: RequestStatus, request_id: UUID) -> JSONResponse:
    if request_status.http_status is not None and request_status.response is not None:
        return respond_for_request(request_id, request_status.http_status, request_status.response)
    return _under_way(request_id)


def _under_way(request_id: UUID) -> JSONResponse:
    body = {"success": True, "status": "in_progress", "request_id": str(request_id)}
    return respond_for_request(request_id, 202, body, Location=f"/cancellation-requests/{request_id}")


async def _read(request: Request) -> Asked:
    body = await read_json(request, CancelSubscriptionRequest)
    return Asked(
        body.user_id,
        body.reason,
        body.feedback or None,
        body.accept_offer,
        body.subscription_id,
        as_of=body.as_of,
        every_subscription=body.every_subscription,
    )
