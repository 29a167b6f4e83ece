"""Emails outside the numbered steps, which correct what the API told the customer about a reactivation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from email_templates import Draft
from email_templates.cancellation_delayed import CancellationDelayed
from email_templates.reactivation_refused import ReactivationRefused
from nodes.messages.emails import Customer, deliver_email, opening
from nodes.messages.outbox import DELAYED, NOT_REACTIVATED
from nodes.messages.records import Delivered
from nodes.messages.refusals import refusal_text
from nodes.services import services


@dataclass(frozen=True)
class _Asked:
    received_at: datetime
    response: dict[str, Any] | None
    ends_at: datetime | None


async def send_refusal(request_id: UUID, user_id: str) -> Delivered:
    """Send the email that `finish(email=…)` put in the outbox, if there is one."""
    async with services().database.as_user(user_id) as transaction:
        [waits] = await transaction.values("waits_in_outbox", request_id=request_id, kind=NOT_REACTIVATED)
    if not waits:
        return Delivered(NOT_REACTIVATED)
    asked = await _asked(request_id, user_id)

    def email(customer: Customer) -> Draft:
        return ReactivationRefused(
            why=refusal_text(asked.response, customer.reads.language),
            new_subscription_url=services().settings.new_subscription_url,
            **opening(customer, request_id, asked.received_at),
        )

    return await deliver_email(request_id, user_id, NOT_REACTIVATED, email)


async def send_delay(request_id: UUID, user_id: str) -> Delivered:
    """Send the email to a customer whose reactivation needs attention."""
    asked = await _asked(request_id, user_id)

    def email(customer: Customer) -> Draft:
        about = opening(customer, request_id, asked.received_at)
        return CancellationDelayed(asked_for="reactivation", ends_at=asked.ends_at, **about)

    return await deliver_email(request_id, user_id, DELAYED, email)


async def _asked(request_id: UUID, user_id: str) -> _Asked:
    async with services().database.as_user(user_id) as transaction:
        asked = await transaction.one("reactivation_asked", _Asked, request_id=request_id)
    if asked is None:
        raise LookupError(f"user {user_id} has no reactivation {request_id}")
    return asked
