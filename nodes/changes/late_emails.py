"""Emails outside the numbered steps, which correct what the API told the customer about a change."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from email_templates import Draft
from email_templates.cancellation_delayed import CancellationDelayed
from email_templates.request_refused import RequestRefused
from nodes.messages.emails import Customer, deliver_email, opening
from nodes.messages.outbox import DELAYED, OFFER_REFUSED
from nodes.messages.records import Delivered
from nodes.messages.refusals import refusal_text
from nodes.services import services


@dataclass(frozen=True)
class _Asked:
    received_at: datetime
    response: dict[str, Any] | None
    refusal_to_send: bool


async def send_refusal(request_id: UUID, user_id: str) -> Delivered:
    """Send the email that `finish(email=…)` put in the outbox, if there is one."""
    asked = await _asked(request_id, user_id)
    if not asked.refusal_to_send:
        return Delivered(OFFER_REFUSED)

    def email(customer: Customer) -> Draft:
        why = refusal_text(asked.response, customer.reads.language)
        about = opening(customer, request_id, asked.received_at)
        return RequestRefused(why=why, asked_for="change", **about)

    return await deliver_email(request_id, user_id, OFFER_REFUSED, email)


async def send_delay(request_id: UUID, user_id: str) -> Delivered:
    """Send the email to a customer whose change needs attention."""
    asked = await _asked(request_id, user_id)

    def email(customer: Customer) -> Draft:
        about = opening(customer, request_id, asked.received_at)
        return CancellationDelayed(asked_for="change", ends_at=None, **about)

    return await deliver_email(request_id, user_id, DELAYED, email)


async def _asked(request_id: UUID, user_id: str) -> _Asked:
    async with services().database.as_user(user_id) as transaction:
        asked = await transaction.one("change_asked", _Asked, request_id=request_id)
    if asked is None:
        raise LookupError(f"user {user_id} has no change {request_id}")
    return asked
