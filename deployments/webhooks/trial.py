"""`cancelflow webhooks test`: send an event that means nothing, to see whether an endpoint takes it."""

from datetime import UTC, datetime
from uuid import uuid4

from nodes.clients.hooks import Hooks, Receiver
from nodes.errors import CancelflowError
from nodes.rules.dates import rfc3339
from nodes.settings import WebhookSettings


class EndpointUnknown(CancelflowError):
    """No endpoint in WEBHOOKS has this name."""


async def send_test(settings: WebhookSettings, name: str) -> str:
    """Send `webhook.test` once, whatever types the endpoint takes; return its id.

    Raises `EndpointUnknown` and `HookFailed`.
    """
    endpoint = settings.webhook_endpoints.get(name)
    if endpoint is None:
        known = ", ".join(settings.webhooks) or "none"
        raise EndpointUnknown(f"WEBHOOKS has no endpoint {name}; it names {known}")
    hooks, hook_id = Hooks(), str(uuid4())
    event = {"type": "webhook.test", "timestamp": rfc3339(datetime.now(UTC)), "data": {}}
    try:
        await hooks.send(event, Receiver(endpoint.url, endpoint.secret), hook_id=hook_id)
    finally:
        await hooks.close()
    return hook_id
