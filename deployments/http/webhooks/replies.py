"""`POST /webhooks/replies/{provider}`: store each reply once, and respond immediately (FEATURES N07)."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from deployments.http.api.json_body import read_raw
from deployments.http.api.responses import respond
from deployments.http.dependencies import TheReplyWebhooks, TheServices
from nodes.clients.reply_webhooks.posted import Posted
from nodes.replies.receive import receive
from nodes.services import using

router = APIRouter(tags=["webhooks"], include_in_schema=False)

# An email with attachments, as base64 in JSON or in a form. A larger one is refused, and stays with the provider.
MAX_EMAIL_BYTES = 10 * 1024 * 1024


@router.post("/webhooks/replies/{provider}")
@router.post("/webhooks/replies/{provider}/mime")  # Mailgun posts the whole email only to an address that ends so
async def replies_webhook(
    request: Request, provider: str, webhooks: TheReplyWebhooks, services: TheServices
) -> JSONResponse:
    """Respond 404 for a provider without a secret, 401 without its proof, else 200 once the email is stored.

    Also 200 for an email that is not kept: the provider could not do better by sending it again.
    """
    reader = webhooks.of(provider)
    headers = request.headers
    posted = Posted(
        await read_raw(request, MAX_EMAIL_BYTES), headers.get("content-type", ""), headers.get("authorization", "")
    )
    email = await reader.read(posted)
    if email is not None:
        with using(services):
            await receive(email.raw, email.recipients)
    return respond(200, {"received": True})
