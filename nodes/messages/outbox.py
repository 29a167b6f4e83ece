"""The outbox of emails, events and webhooks: filled with the step that they follow from, and retried."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from nodes.errors import EmailRefused, EventsFailed, HookFailed, MailFailed
from nodes.messages.records import Delivered
from nodes.services import services

CONFIRMATION = "cancellation_confirmation"
EVENT = "subscription.canceled"
DELAYED = "cancellation_delayed"
REFUSED = "request_refused"
DISCOUNT = "discount_confirmation"
REACTIVATED = "reactivation_confirmation"
REACTIVATED_EVENT = "subscription.reactivated"
NOT_REACTIVATED = "reactivation_refused"
ENDED = "subscription_ended"
ENDED_EVENT = "subscription.ended"
NEVER_STARTED = "onboarding_follow_up"
ASKED_WHY = "reason_email"
CHANGED = "change_confirmation"
CHANGED_EVENT = "subscription.changed"
OFFER_REFUSED = "offer_refused"
BILLING_RESUMES = "billing_resumes"
DISCOUNT_ENDS = "discount_ends"
RECEIVED = "request_received"
CODE = "cancel_code"
PROMISED = "promise_confirmation"
MANUAL_REQUEST = "manual_request"  # a webhook
TASK_EVENT = "customer_success.task"
# Emails about a cancellation to which customers reply with their reason.
ANSWERED = frozenset({CONFIRMATION, ASKED_WHY})


@dataclass(frozen=True)
class _Item:
    id: UUID
    delivered: bool


async def deliver(
    request_id: UUID, user_id: str, kind: str, send: Callable[[UUID], Awaitable[str | None]]
) -> Delivered:
    """Call `send` with the item's id unless it was delivered, and record the receipt that it returns.

    The id is the event's `event_id` and the email's Message-ID, so that receivers can recognize a duplicate: a process
    that dies after sending sends the item again. A failure is counted and raised, and the item is retried later.
    """
    database = services().database
    async with database.as_user(user_id) as transaction:
        item = await transaction.one("outbox_item", _Item, request_id=request_id, kind=kind)
    if item is None:
        raise LookupError(f"request {request_id} has no {kind} in its outbox")
    if item.delivered:
        return Delivered(kind)
    try:
        receipt = await send(item.id)
    except (MailFailed, EventsFailed, HookFailed) as error:
        async with database.as_user(user_id) as transaction:
            problem = error.problem if isinstance(error, EmailRefused) else None
            await transaction.run("not_delivered", id=item.id, problem=problem)
        raise
    async with database.as_user(user_id) as transaction:
        await transaction.run("delivered", id=item.id, receipt=receipt)
    return Delivered(kind)


async def withdraw(request_id: UUID, user_id: str, kind: str) -> None:
    """Remove an undelivered item whose content no longer applies."""
    async with services().database.as_user(user_id) as transaction:
        await transaction.run("withdraw_from_outbox", request_id=request_id, kind=kind)
