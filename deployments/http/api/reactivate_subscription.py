"""`POST /reactivate-subscription`: revoke a cancellation during the paid period (FEATURES W49, F15)."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from deployments.http.api.bodies import Reactivated, ReactivateSubscriptionRequest, Underway
from deployments.http.api.json_body import read_json
from deployments.http.api.responses import problems, respond
from deployments.http.backlog import Backlog
from deployments.http.dependencies import Caller, TheBacklog, TheServices
from nodes.errors import DatabaseUnavailable, Refusal
from nodes.reactivation.intake import Received, receive
from nodes.requests.intake import refuse_attempt
from nodes.requests.kind import REACTIVATION
from nodes.requests.status import RequestStatus, read_status
from nodes.services import using

router = APIRouter(tags=["reactivation"])

# Deadline for the response, from the request's arrival, as for a cancellation.
ANSWER_SECONDS = 8.0
# The end of ANSWER_SECONDS, kept for reading the response from the record.
LAST_LOOK_SECONDS = 0.5
# A repeated request polls for the first one's response.
JOINED_EVERY_SECONDS = 0.1

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ReactivateSubscriptionRequest"}}},
    }
}


@router.post(
    "/reactivate-subscription",
    response_model=Reactivated,
    responses={202: {"model": Underway}, **problems(400, 401, 403, 404, 408, 409, 410, 413, 415, 429, 500, 503)},
    openapi_extra=_BODY,
)
async def reactivate_subscription(
    request: Request, caller: Caller, backlog: TheBacklog, services: TheServices
) -> JSONResponse:
    """Undo the cancellation before it takes effect. Repeating the call is safe."""
    with using(services):
        try:
            body = await read_json(request, ReactivateSubscriptionRequest)
        except Refusal as refusal:
            await refuse_attempt(REACTIVATION, caller, refusal)
            raise
        received = await receive(body.user_id, caller, body.subscription_id, origin="api")
        request_status = await carried_out(received, caller, backlog, request.state.arrived + ANSWER_SECONDS)
    return _respond(request_status, received.request_id)


@router.get(
    "/reactivations/{request_id}",
    response_model=Reactivated,
    responses={202: {"model": Underway}, **problems(400, 401, 403, 404, 409, 410, 500, 503)},
)
async def reactivation(request_id: UUID, caller: Caller, services: TheServices) -> JSONResponse:
    """Return the response to a reactivation, or 202 while it is in progress."""
    with using(services):
        return _respond(await read_status(REACTIVATION, request_id, caller), request_id)


async def carried_out(received: Received, user_id: str, backlog: Backlog, deadline: float) -> RequestStatus | None:
    """Return the request's status once it has a response, or None at the deadline while it continues."""
    if received.response is None and not received.joined:
        await backlog.reactivate(received.request_id, deadline - LAST_LOOK_SECONDS)
    try:
        async with asyncio.timeout_at(deadline):
            request_status = await read_status(REACTIVATION, received.request_id, user_id)
            while received.joined and request_status.response is None:
                await asyncio.sleep(JOINED_EVERY_SECONDS)
                request_status = await read_status(REACTIVATION, received.request_id, user_id)
            return request_status
    except (DatabaseUnavailable, TimeoutError):
        return None  # the request is recorded and will be processed


def _respond(request_status: RequestStatus | None, request_id: UUID) -> JSONResponse:
    headers = {"Reactivation-Request-Id": str(request_id)}
    if request_status is not None and request_status.http_status is not None and request_status.response is not None:
        return respond(request_status.http_status, request_status.response, **headers)
    body = {"success": True, "status": "in_progress", "request_id": str(request_id)}
    return respond(202, body, Location=f"/reactivations/{request_id}", **headers)
