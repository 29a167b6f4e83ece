"""`POST /webhooks/stripe`: Stripe's events come in, once each, and are answered at once (FEATURES A09)."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from deployments.http.api.json_body import read_raw
from deployments.http.api.responses import respond
from deployments.http.dependencies import TheBacklog, TheServices, TheWebhooks
from nodes.rules.stripe_changes import Change
from nodes.services import using
from nodes.stripe_events.inbox import receive

router = APIRouter(tags=["webhooks"], include_in_schema=False)

# An event holds a subscription with its items; Stripe's largest are a tenth of this.
MAX_EVENT_BYTES = 1024 * 1024


@router.post("/webhooks/stripe")
async def stripe_webhook(
    request: Request, webhooks: TheWebhooks, backlog: TheBacklog, services: TheServices
) -> JSONResponse:
    """400 for what Stripe did not sign, and no row; 200 once the event is in the inbox, or was, or is about nothing."""
    raw = await read_raw(request, MAX_EVENT_BYTES)
    notice = webhooks.read(raw, request.headers.get("stripe-signature"))
    if notice.change is not Change.OTHER:
        with using(services):
            if await receive(notice):
                backlog.event_came()
    return respond(200, {"received": True})
