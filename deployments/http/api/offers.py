"""`GET /offers`, `POST /offers/{offer_id}/accept`, `POST /resume-subscription`, and the status of such a request."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse

from deployments.http.api.bodies import AcceptOfferRequest, ResumeSubscriptionRequest
from deployments.http.api.cancel_subscription import IdempotencyKey
from deployments.http.api.carry_out import ANSWER_SECONDS, carried_out
from deployments.http.api.every_subscription import respond_for_each
from deployments.http.api.json_body import read_json
from deployments.http.api.look_ups import Which
from deployments.http.api.response_bodies import Changed, Offers, Results, Underway
from deployments.http.api.responses import problems, respond
from deployments.http.backlog import Backlog
from deployments.http.dependencies import Caller, TheBacklog, TheServices
from flows.resume_unfinished import CHANGES
from nodes.changes.intake import Asked, kind_of, receive
from nodes.offers.listing import offers_for
from nodes.requests.intake import Received, attempt_of
from nodes.requests.kind import CHANGE
from nodes.requests.status import RequestStatus, read_status
from nodes.rules.dates import rfc3339
from nodes.services import using
from nodes.subscriptions.find import find_subscription, refuse_ended

router = APIRouter(tags=["offers"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": Underway | Results},
    **problems(400, 401, 402, 404, 408, 409, 413, 415, 422, 429, 500, 503),
}
OfferId = Annotated[str, Path(pattern="^[a-z0-9-]{1,40}$", description="as `GET /offers` returned it")]


def _body(model: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": f"#/components/schemas/{model}"}}
    return {"requestBody": {"required": True, "content": {"application/json": schema}}}


@router.get("/offers", response_model=Offers, responses=problems(400, 401, 404, 409, 503))
async def offers(caller: Caller, services: TheServices, subscription_id: Which = None) -> JSONResponse:
    """Return the offers that fit the subscription, with what each costs, and what is in effect already."""
    with using(services):
        subscription = await find_subscription(caller, subscription_id)
        refuse_ended(subscription)
        return respond(200, await offers_for(subscription))


@router.post(
    "/offers/{offer_id}/accept",
    response_model=Changed | Results,
    responses=_RESPONSES,
    openapi_extra=_body("AcceptOfferRequest"),
)
async def accept_offer(
    request: Request,
    offer_id: OfferId,
    caller: Caller,
    backlog: TheBacklog,
    services: TheServices,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Accept an offer. With an `Idempotency-Key`, repeating the call within 24 hours returns the same response."""
    with using(services):
        async with attempt_of(CHANGE, caller):
            body = await read_json(request, AcceptOfferRequest)
            asked = Asked(offer_id, body.subscription_id, _choice(body), body.every_subscription)
            kind = kind_of(asked)
        return await _carry_out(request, asked, kind, caller, backlog, idempotency_key)


@router.post(
    "/resume-subscription",
    response_model=Changed | Results,
    responses=_RESPONSES,
    openapi_extra=_body("ResumeSubscriptionRequest"),
)
async def resume_subscription(
    request: Request,
    caller: Caller,
    backlog: TheBacklog,
    services: TheServices,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """End a pause of billing early. Repeating the call is safe."""
    with using(services):
        async with attempt_of(CHANGE, caller):
            body = await read_json(request, ResumeSubscriptionRequest)
        asked = Asked(None, body.subscription_id, {}, body.every_subscription)
        return await _carry_out(request, asked, kind_of(asked), caller, backlog, idempotency_key)


@router.get(
    "/changes/{request_id}",
    response_model=Changed,
    responses={202: {"model": Underway}, **problems(400, 401, 402, 404, 409, 500, 503)},
)
async def change(request_id: UUID, caller: Caller, services: TheServices) -> JSONResponse:
    """Return the response to an acceptance or the end of a pause, or 202 while it is in progress."""
    with using(services):
        return _respond(await read_status(CHANGE, request_id, caller), request_id)


async def _carry_out(
    request: Request, asked: Asked, kind: str, caller: str, backlog: Backlog, key: str | None
) -> JSONResponse:
    async def carry_out(received: Received) -> JSONResponse:
        deadline = request.state.arrived + ANSWER_SECONDS
        request_status = await carried_out(CHANGE, CHANGES[kind], received, caller, backlog, deadline)
        headers = {"Retry-After": str(received.retry_after)} if received.retry_after else {}
        return _respond(request_status, received.request_id, **headers)

    received = await receive(asked, kind, caller, origin="api", key=key)
    if asked.every_subscription:
        return await respond_for_each(received, carry_out, "Change-Request-Id")
    return await carry_out(received[0])


def _choice(body: AcceptOfferRequest) -> dict[str, Any]:
    chosen = {"months": body.months, "weeks": body.weeks, "price": body.price}
    as_of = rfc3339(body.as_of) if body.as_of else None
    return {name: value for name, value in (*chosen.items(), ("as_of", as_of)) if value is not None}


def _respond(request_status: RequestStatus | None, request_id: UUID, **more: str) -> JSONResponse:
    headers = {"Change-Request-Id": str(request_id), **more}
    if request_status is not None and request_status.http_status is not None and request_status.response is not None:
        return respond(request_status.http_status, request_status.response, **headers)
    body = {"success": True, "status": "in_progress", "request_id": str(request_id)}
    return respond(202, body, Location=f"/changes/{request_id}", **headers)
