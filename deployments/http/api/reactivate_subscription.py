"""`POST /reactivate-subscription`: revoke a cancellation during the paid period (FEATURES W49, F15)."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from deployments.http.api.bodies import ReactivateSubscriptionRequest
from deployments.http.api.carry_out import ANSWER_SECONDS, carried_out
from deployments.http.api.json_body import read_json
from deployments.http.api.response_bodies import Reactivated, Underway
from deployments.http.api.responses import problems, respond
from deployments.http.dependencies import Caller, TheBacklog, TheServices
from flows.reactivate_subscription import reactivate_subscription as reactivate_flow
from nodes.reactivation.intake import receive
from nodes.requests.intake import attempt_of
from nodes.requests.kind import REACTIVATION
from nodes.requests.status import RequestStatus, read_status
from nodes.services import using

router = APIRouter(tags=["reactivation"])

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
        async with attempt_of(REACTIVATION, caller):
            body = await read_json(request, ReactivateSubscriptionRequest)
        received = await receive(body.user_id, caller, body.subscription_id, origin="api")
        request_status = await carried_out(
            REACTIVATION, reactivate_flow, received, caller, backlog, request.state.arrived + ANSWER_SECONDS
        )
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


def _respond(request_status: RequestStatus | None, request_id: UUID) -> JSONResponse:
    headers = {"Reactivation-Request-Id": str(request_id)}
    if request_status is not None and request_status.http_status is not None and request_status.response is not None:
        return respond(request_status.http_status, request_status.response, **headers)
    body = {"success": True, "status": "in_progress", "request_id": str(request_id)}
    return respond(202, body, Location=f"/reactivations/{request_id}", **headers)
