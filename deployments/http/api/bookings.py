"""`POST /bookings`: record the call that a customer booked on the page of a `contact` offer (FEATURES F25)."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from deployments.http.api.bodies import RecordBookingRequest
from deployments.http.api.json_body import read_json
from deployments.http.api.response_bodies import BookingRecorded
from deployments.http.api.responses import problems, respond
from deployments.http.dependencies import CallerOrService, TheServices
from nodes.changes.booking import book_call
from nodes.services import using

router = APIRouter(tags=["offers"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RecordBookingRequest"}}},
    }
}


@router.post(
    "/bookings",
    response_model=BookingRecorded,
    responses=problems(400, 401, 404, 408, 413, 415, 429, 503),
    openapi_extra=_BODY,
)
async def record_booking(request: Request, caller: CallerOrService, services: TheServices) -> JSONResponse:
    """Record the call that a customer booked after accepting a `contact` offer, and make a task for your team.

    With the customer's own token, or with a service token of the company's server. Repeating the call is safe; another
    `booking_id` replaces the first. The subscription stays as it is.
    """
    body = await read_json(request, RecordBookingRequest)
    with using(services):
        await book_call(body.request_id, body.booking_id, caller)
    return respond(200, {"success": True, "request_id": str(body.request_id), "booking_id": body.booking_id})
