"""The email that says what was fixed, with its way back and its one-click unsubscribe."""

from dataclasses import dataclass
from datetime import datetime

from email_templates import Email
from email_templates.fix_shipped import FixShipped
from nodes.clients.database.client import Transaction
from nodes.errors import SettingsInvalid
from nodes.messages.emails import reply_address
from nodes.messages.preferences import unsubscribe_url
from nodes.rules.win_back import note_for
from nodes.services import services
from nodes.settings import ServiceSettings
from nodes.win_back.records import Tagged


@dataclass(frozen=True, repr=False)
class Message:
    """An email with its headers, as the mail client takes it."""

    email: Email
    recipient: str
    message_id: str
    reply_to: str | None
    unsubscribe_url: str


@dataclass(frozen=True, repr=False)
class _Recipient:
    email: str
    name: str | None
    locale: str
    time_zone: str
    notes: dict[str, str]
    subscription_id: str
    plan: str
    reactivate_until: datetime | None


def way_to_subscribe_again(settings: ServiceSettings) -> str:
    """Return where former customers subscribe again. Raises `SettingsInvalid` if it isn't set."""
    if settings.new_subscription_url is None:
        raise SettingsInvalid(
            "Settings:\n  NEW_SUBSCRIPTION_URL is not set: the email about a fix needs a page where former customers "
            "subscribe again"
        )
    return settings.new_subscription_url


async def message_to(transaction: Transaction, customer: Tagged) -> Message | None:
    """Return the email to a customer who passed every check; None if their data was deleted just now."""
    reads = await transaction.one("win_back_recipient", _Recipient, request_id=customer.request_id, tag=customer.tag)
    if reads is None:
        return None
    unsubscribe = unsubscribe_url(customer.user_id)
    return Message(
        email=_email(reads, customer, unsubscribe),
        recipient=reads.email,
        message_id=f"{customer.id}@cancelflow",
        reply_to=reply_address(customer.request_id),
        unsubscribe_url=unsubscribe,
    )


def _email(reads: _Recipient, customer: Tagged, unsubscribe: str) -> Email:
    settings, (locale, note) = services().settings, note_for(reads.notes, reads.locale)
    if reads.reactivate_until:
        back = services().links.url(
            "reactivate",
            subscription_id=reads.subscription_id,
            request_id=str(customer.request_id),
            expires_at=reads.reactivate_until,
        )
    else:
        back = way_to_subscribe_again(settings)
    return FixShipped(
        name=reads.name,
        plan=services().catalog.plan(reads.plan).name(locale),
        note=note,
        reactivate_until=reads.reactivate_until,
        return_url=back,
        unsubscribe_url=unsubscribe,
        locale=locale,
        time_zone=reads.time_zone,
        company_name=settings.company_name,
        company_address=settings.company_address,
        request_id=str(customer.request_id),
    ).email()
