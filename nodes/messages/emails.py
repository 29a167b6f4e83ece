"""Emails from the outbox to the customer of a request."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from email_templates import Draft
from nodes.errors import EmailRefused
from nodes.messages.customer_locale import CustomerLocale
from nodes.messages.outbox import ANSWERED, deliver
from nodes.messages.preferences import preferences_url
from nodes.messages.records import Delivered
from nodes.services import services


@dataclass(frozen=True)
class Customer:
    """A row of `users`: personal data, used for the email only."""

    id: UUID
    email: str | None
    name: str | None
    locale: str
    time_zone: str

    @property
    def reads(self) -> CustomerLocale:
        """Return how texts, money and dates are written for this customer."""
        return CustomerLocale(self.locale, self.time_zone)


async def deliver_email(request_id: UUID, user_id: str, kind: str, write: Callable[[Customer], Draft]) -> Delivered:
    """Send the email of this `kind` from the outbox, unless it was sent before; see `deliver`."""

    async def send(item_id: UUID) -> None:
        async with services().database.as_user(user_id) as transaction:
            customer = await transaction.one("customer", Customer, user_id=user_id)
            preferences = await preferences_url(transaction, user_id)
        if customer is None:
            raise LookupError(f"user {user_id} has no row")
        if customer.email is None:
            raise EmailRefused("the customer has no email address", problem="no-address")
        email = replace(write(customer), preferences_url=preferences).email()
        message_id, reply_to = f"{item_id}@cancelflow", reply_address(request_id) if kind in ANSWERED else None
        await services().mail.send(email, recipient=customer.email, message_id=message_id, reply_to=reply_to)

    return await deliver(request_id, user_id, kind, send)


def reply_address(request_id: UUID) -> str | None:
    """Return the request's own address for replies, if replies come in here."""
    addresses = services().reply_addresses
    return addresses.address(request_id) if addresses else None


def plan_name(plan: str, customer: Customer) -> str:
    """Return the plan's name in the customer's language."""
    return services().catalog.plan(plan).name(customer.locale)


def opening(customer: Customer, request_id: UUID, asked_at: datetime) -> dict[str, Any]:
    """Return the fields that every email about a request has."""
    return {
        "name": customer.name,
        "asked_at": asked_at,
        "locale": customer.locale,
        "time_zone": customer.time_zone,
        "company_name": services().settings.company_name,
        "request_id": str(request_id),
    }
