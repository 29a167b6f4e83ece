"""Messages about a request that a person carries out in Stripe: an email to the customer, a webhook to the team."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from email_templates import Draft
from email_templates.request_received import RequestReceived
from nodes.clients.hooks import Receiver
from nodes.messages.emails import Customer, deliver_email, opening, plan_name
from nodes.messages.outbox import MANUAL_REQUEST, RECEIVED, deliver, withdraw
from nodes.messages.records import Delivered
from nodes.node import run_log
from nodes.requests.kind import Kind
from nodes.rules.dates import rfc3339
from nodes.services import services


@dataclass(frozen=True)
class _Left:
    subscription_id: str
    plan: str
    received_at: datetime


async def send_received(kind: Kind, request_id: UUID, user_id: str) -> Delivered:
    """Send the email that says that the request was received, and no more (FEATURES U10)."""
    left = await _left(kind, request_id, user_id)

    def email(customer: Customer) -> Draft:
        return RequestReceived(
            plan=plan_name(left.plan, customer),
            asked_for=cast("Literal['cancellation', 'reactivation']", kind.name),
            **opening(customer, request_id, left.received_at),
        )

    return await deliver_email(request_id, user_id, RECEIVED, email)


async def notify_team(kind: Kind, request_id: UUID, user_id: str) -> Delivered:
    """Send the webhook that a request waits for a person (FEATURES U18). It holds ids only."""
    receiver = _team()
    if receiver is None:  # the setting was removed in the meantime
        await withdraw(request_id, user_id, MANUAL_REQUEST)
        return Delivered(MANUAL_REQUEST)
    left = await _left(kind, request_id, user_id)
    event = {
        "type": "request.needs_attention",
        "timestamp": rfc3339(left.received_at),
        "data": {
            "request_id": str(request_id),
            "kind": kind.name,
            "subscription_id": left.subscription_id,
            "user_id": user_id,
        },
    }

    async def send(item_id: UUID) -> None:
        await services().hooks.send(event, receiver, hook_id=str(item_id))

    delivered = await deliver(request_id, user_id, MANUAL_REQUEST, send)
    run_log().info("the team was notified")
    return delivered


def _team() -> Receiver | None:
    url, secret = services().settings.manual_webhook_url, services().settings.manual_webhook_secret
    return Receiver(url, secret) if url and secret else None


async def _left(kind: Kind, request_id: UUID, user_id: str) -> _Left:
    async with services().database.as_user(user_id) as transaction:
        [left] = await transaction.all(f"{kind.name}_left_to_person", _Left, request_id=request_id)
    return left
