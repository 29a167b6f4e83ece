"""Step 8B: the letter that says it is done, until when access lasts, and how to come back."""

from dataclasses import dataclass
from uuid import UUID

from email_templates import Letter
from email_templates.cancellation_confirmation import CancellationConfirmation
from nodes.cancellation.outbox import CONFIRMATION, deliver
from nodes.cancellation.records import Delivered, PendingCancellation
from nodes.node import node, run_log
from nodes.rules.statuses import PENDING_CANCELLATION
from nodes.services import services


@dataclass(frozen=True)
class _Customer:
    id: UUID
    email: str
    name: str | None
    locale: str
    time_zone: str


@node("Send Cancellation Confirmation", step="8B")
async def send_cancellation_confirmation(pending: PendingCancellation) -> Delivered:
    """The letter, once (FEATURES W15, W45)."""
    request = pending.case.request

    async def send(item_id: UUID) -> None:
        async with services().database.as_user(request.user_id) as transaction:
            customer = await transaction.one("customer", _Customer, user_id=request.user_id)
        if customer is None:
            raise LookupError(f"user {request.user_id} has no row")
        letter = _letter(customer, pending)
        await services().mail.send(letter, recipient=customer.email, message_id=f"{item_id}@cancelflow")

    delivered = await deliver(request, CONFIRMATION, send)
    run_log().info("the confirmation is with the mail server")
    return delivered


def _letter(customer: _Customer, pending: PendingCancellation) -> Letter:
    settings, links = services().settings, services().links
    request, subscription = pending.case.request, pending.case.subscription
    ended_now = pending.status != PENDING_CANCELLATION
    of_this = {"subscription_id": subscription.id, "request_id": str(request.id)}
    return CancellationConfirmation(
        name=customer.name,
        plan=subscription.plan,
        ends_at=pending.cancel_at,
        ended_now=ended_now,
        data_retention_until=pending.data_retention_until,
        locale=customer.locale,
        time_zone=customer.time_zone,
        # The way back closes when the period does (W49); the question stays open as long as the data is kept.
        reactivate_url=None if ended_now else links.url("reactivate", **of_this, expires_at=pending.cancel_at),
        feedback_url=links.url("feedback", **of_this, expires_at=pending.data_retention_until),
        export_url=settings.data_export_url,
        payment_url=settings.payment_url,
        unpaid=subscription.billed.status in ("past_due", "unpaid"),
        plan_change_dropped=pending.plan_change_dropped,
        company_name=settings.company_name,
        request_id=str(request.id),
    ).letter()
