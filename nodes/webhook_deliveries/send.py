"""Send one delivery, outside of flows: no customer and no step waits for it (FEATURES U18)."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nodes.clients.hooks import Receiver
from nodes.errors import HookFailed
from nodes.rules.dates import rfc3339
from nodes.services import services
from nodes.webhook_deliveries.claim import DueWebhook

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Webhook:
    type: str
    at: datetime
    data: dict[str, Any]


async def send_webhook(endpoint: str, due: DueWebhook) -> None:
    """Send it, and record the result. A failure is sent again after the pause that its claim has set.

    A process that dies after sending sends it again too: the id is the same, so the receiver recognizes it.
    """
    database, found = services().database, services().settings.webhook_endpoints[endpoint]
    async with database.as_user(due.user_id) as transaction:
        webhook = await transaction.one("webhook_to_send", _Webhook, id=due.id)
    if webhook is None:  # the customer's data was deleted in the meantime
        return
    event = {"type": webhook.type, "timestamp": rfc3339(webhook.at), "data": webhook.data}
    try:
        await services().hooks.send(event, Receiver(found.url, found.secret), hook_id=str(due.id))
    except HookFailed as error:
        log.warning("webhook %s to %s: %s", due.id, endpoint, error)
        async with database.as_user(due.user_id) as transaction:
            await transaction.run("webhook_not_delivered", id=due.id, problem=str(error))
        return
    async with database.as_user(due.user_id) as transaction:
        await transaction.run("webhook_delivered", id=due.id)
