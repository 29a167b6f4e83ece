"""Step 8B: send the email that confirms the cancellation, the end of access, and how to come back."""

from email_templates import Draft
from email_templates.cancellation_confirmation import CancellationConfirmation
from email_templates.money import money
from nodes.cancellation.records import PendingCancellation
from nodes.clients.billing.invoices import OpenInvoice
from nodes.messages.emails import Customer, deliver_email, plan_name
from nodes.messages.outbox import CONFIRMATION, withdraw
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.rules.progress import RecoveryPoint
from nodes.rules.statuses import PENDING_CANCELLATION, is_live
from nodes.services import services
from nodes.subscriptions.records import ActiveSubscription


@node("Send Cancellation Confirmation", step="8B")
async def send_cancellation_confirmation(pending: PendingCancellation) -> Delivered:
    """Send the email once (FEATURES W15, W45), unless the cancellation was revoked before it was sent."""
    request, billed = pending.case.request, pending.case.subscription.billed
    if request.reached(RecoveryPoint.FINISHED) and is_live(billed.status) and not billed.pending:
        await withdraw(request.id, request.user_id, CONFIRMATION)
        run_log().info("no email: the cancellation was revoked in the meantime")
        return Delivered(CONFIRMATION)
    unpaid = await _still_open(pending.case.subscription)
    delivered = await deliver_email(request.id, request.user_id, CONFIRMATION, lambda to: _email(to, pending, unpaid))
    run_log().info("the mail server accepted the confirmation")
    return delivered


async def _still_open(subscription: ActiveSubscription) -> OpenInvoice | None:
    """Return the subscription's open invoice, if any."""
    billed = subscription.billed
    if billed.status in ("active", "trialing") and not billed.sends_invoices:
        return None
    return next(iter(await services().billing.invoices.open(subscription.id)), None)


def _email(customer: Customer, pending: PendingCancellation, unpaid: OpenInvoice | None) -> Draft:
    settings, links = services().settings, services().links
    request, subscription = pending.case.request, pending.case.subscription
    ended_now = pending.status != PENDING_CANCELLATION or not is_live(subscription.billed.status)
    of_this = {"subscription_id": subscription.id, "request_id": str(request.id)}
    return CancellationConfirmation(
        name=customer.name,
        plan=plan_name(subscription.plan, customer),
        asked_at=request.received_at,
        ends_at=pending.cancel_at,
        ended_now=ended_now,
        access_ended_at=None if ended_now else pending.terms.access_ended_at,
        ended_by_policy=pending.terms.by_policy,
        refund=_refund(pending, customer),
        data_retention_until=pending.data_retention_until,
        locale=customer.locale,
        time_zone=customer.time_zone,
        # Reactivation is possible until the period ends (W49), and feedback as long as the data is kept.
        reactivate_url=settings.new_subscription_url
        if ended_now
        else links.url("reactivate", **of_this, expires_at=pending.cancel_at),
        feedback_url=links.url("feedback", **of_this, expires_at=pending.data_retention_until),
        export_url=settings.data_export_url,
        payment_url=(unpaid.payment_url if unpaid else None) or settings.payment_url,
        unpaid=unpaid is not None,
        due_at=unpaid.due_at if unpaid else None,
        invoices_voided=pending.invoices_voided,
        plan_change_dropped=pending.plan_change_dropped,
        reported_failed=request.reported_failed,
        renewal_undone=pending.renewal_undone,
        company_name=settings.company_name,
        request_id=str(request.id),
    )


def _refund(pending: PendingCancellation, customer: Customer) -> str | None:
    refund = pending.terms.refund
    return money(refund.amount, refund.currency, customer.locale) if refund else None
