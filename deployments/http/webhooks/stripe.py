"""`POST /webhooks/stripe`: store each Stripe event once, and respond immediately (FEATURES A09)."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from deployments.http.api.json_body import read_raw
from deployments.http.api.responses import respond
from deployments.http.dependencies import TheBacklog, TheServices, TheWebhooks
from nodes.rules.stripe_changes import Change
from nodes.services import using
from nodes.stripe_events.inbox import receive

router = APIRouter(tags=["webhooks"], include_in_schema=False)

# The largest events hold a subscription with its items, about a tenth of this.
MAX_EVENT_BYTES = 1024 * 1024


@router.post("/webhooks/stripe")
async def stripe_webhook(
    request: Request, webhooks: TheWebhooks, backlog: TheBacklog, services: TheServices
) -> JSONResponse:
    """Respond 400 without Stripe's signature, else 200 once the event is stored, a duplicate or irrelevant."""
    raw = await read_raw(request, MAX_EVENT_BYTES)
    notice = webhooks.read(raw, request.headers.get("stripe-signature"))
    if notice.change is not Change.OTHER:
        with using(services):
            if await receive(notice):
                backlog.event_came()
    return respond(200, {"received": True})
