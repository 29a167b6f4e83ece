"""`POST /cancel-subscription`: the trigger of WF-023, and where a request stands (SPEC, step 1)."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from deployments.http.bodies import MAX_BODY_BYTES, Cancelled, CancelSubscriptionRequest, Retained, Underway
from deployments.http.dependencies import Caller, TheRunner, TheServices
from deployments.http.responses import answer, answer_for_request, problems
from nodes.cancellation.finish import audit_unreadable
from nodes.cancellation.standing import Standing, standing_of
from nodes.cancellation.step_01_cancellation_request import Asked, receive
from nodes.errors import Refusal
from nodes.problems import problem_of, slug_of
from nodes.services import using

router = APIRouter(tags=["cancellation"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/CancelSubscriptionRequest"}}},
    }
}


class BodyTooLarge(Refusal):
    """More than 64 KiB: a reason and 5,000 characters need far less."""

    status = 413
    detail = "The body is larger than 64 KiB"


class BodyNotJson(Refusal):
    """Another media type."""

    status = 415
    detail = "Send the body as application/json"


class BodyInvalid(Refusal):
    """Not JSON, or not this JSON; `errors` says where."""

    status = 400
    detail = "The body is not valid"


@router.post(
    "/cancel-subscription",
    response_model=Cancelled | Retained,
    responses={202: {"model": Underway}, **problems(400, 401, 403, 404, 409, 413, 415, 500, 503)},
    openapi_extra=_BODY,
)
async def cancel_subscription(
    request: Request, caller: Caller, runner: TheRunner, services: TheServices
) -> JSONResponse:
    """Cancel the caller's subscription at the end of the paid period, or accept the retention offer instead."""
    with using(services):
        try:
            asked = await _read(request)
        except Refusal as refusal:
            await audit_unreadable(caller, slug_of(refusal), refusal.status)
            return answer(refusal.status, problem_of(refusal))
        request_id, refused = await receive(asked, caller)
        if refused:
            return answer_for_request(request_id, refused.http_status, refused.body)
        await runner.run(request_id, caller)
        standing = await standing_of(request_id, caller)
    return _told(standing, request_id)


@router.get(
    "/cancellation-requests/{request_id}",
    response_model=Cancelled | Retained,
    responses={202: {"model": Underway}, **problems(400, 401, 403, 404, 409, 500, 503)},
)
async def cancellation_request(request_id: UUID, caller: Caller, services: TheServices) -> JSONResponse:
    """Where a request stands: its answer, or 202 while it is under way."""
    with using(services):
        return _told(await standing_of(request_id, caller), request_id)


def _told(standing: Standing, request_id: UUID) -> JSONResponse:
    if standing.http_status is not None and standing.answer is not None:
        return answer_for_request(request_id, standing.http_status, standing.answer)
    body = {"success": True, "status": "in_progress", "request_id": str(request_id)}
    return answer_for_request(request_id, 202, body, Location=f"/cancellation-requests/{request_id}")


async def _read(request: Request) -> Asked:
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise BodyNotJson
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            raise BodyTooLarge
    try:
        body = CancelSubscriptionRequest.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise _invalid(error) from None
    return Asked(body.user_id, body.reason, body.feedback or None, body.accept_offer, body.subscription_id)


def _invalid(error: ValidationError) -> BodyInvalid:
    found: list[dict[str, Any]] = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        pointer = "".join(f"/{part}" for part in one["loc"])
        found.append({"pointer": f"#{pointer}", "detail": one["msg"].removeprefix("Value error, ")})
    first = found[0]
    where = first["pointer"].removeprefix("#").removeprefix("/") or "body"
    return BodyInvalid(f"{where}: {first['detail']}", errors=found)
