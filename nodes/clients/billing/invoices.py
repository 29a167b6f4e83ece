"""A subscription's invoices in Stripe: open, paid, voided and refunded (https://docs.stripe.com/api/invoices)."""

from dataclasses import dataclass
from datetime import UTC, datetime

import stripe
from stripe import RequestOptions
from stripe.params import CreditNoteCreateParams, InvoiceListParams

from nodes.clients.billing.calls import PAGE_SIZE, WRITE_SECONDS, ask


@dataclass(frozen=True)
class Renewal:
    """An invoice that a subscription's renewal created. Amounts in minor units of its currency."""

    invoice_id: str
    status: str | None  # draft, open, paid, uncollectible or void
    refundable: int  # of what the customer paid
    creditable: int  # of what the customer's credit balance covered


@dataclass(frozen=True)
class OpenInvoice:
    """An unpaid invoice. `payment_url` is for the customer alone: anyone who has it can see the invoice."""

    invoice_id: str
    currency: str
    amount_paid: int
    amount_remaining: int
    created_at: datetime
    for_a_period: bool  # rather than for a change within a period
    due_at: datetime | None  # None where Stripe charges automatically
    payment_url: str | None


@dataclass(frozen=True)
class PaidInvoice:
    """A paid invoice: the amount after discounts, less refunds, in minor units of its currency."""

    invoice_id: str
    currency: str
    amount_paid: int
    created_at: datetime
    paid_at: datetime


@dataclass(frozen=True)
class PaidInvoices:
    """A page of paid invoices; the next page starts after `next`, which is None on the last page."""

    invoices: tuple[PaidInvoice, ...]
    next: str | None


class BillingInvoices:
    """The invoice calls of `Billing`, on its connections."""

    def __init__(self, invoices: stripe.InvoiceService, credit_notes: stripe.CreditNoteService) -> None:
        self._invoices = invoices
        self._credit_notes = credit_notes

    async def open(self, subscription_id: str) -> list[OpenInvoice]:
        """Return the invoices not yet paid in full that Stripe is still collecting, newest first."""
        params: InvoiceListParams = {"subscription": subscription_id, "status": "open", "limit": PAGE_SIZE}
        found = await ask(lambda: self._invoices.list_async(params), writing=False)
        return [_read_open(each) for each in found.data]

    async def void(self, invoice_id: str, *, key: str) -> None:
        """Void the invoice. Stripe refuses to void one that is not open or uncollectible."""
        options: RequestOptions = {"idempotency_key": key}
        await ask(lambda: self._invoices.void_invoice_async(invoice_id, {}, options), writing=True)

    async def renewals_since(self, subscription_id: str, moment: datetime) -> list[Renewal]:
        """Return the renewal invoices since then; the first page suffices, as callers ask within months."""
        params: InvoiceListParams = {"subscription": subscription_id, "created": {"gte": int(moment.timestamp())}}
        found = await ask(lambda: self._invoices.list_async({**params, "limit": PAGE_SIZE}), writing=False)
        return [_read_renewal(each) for each in found.data if each.billing_reason == "subscription_cycle"]

    async def undo_renewal(self, renewal: Renewal, *, key: str) -> None:
        """Void an open invoice, or return a paid one by a credit note; leave a void or returned one as it is.

        What the customer's credit balance had covered goes back to it (https://docs.stripe.com/invoicing/credit-notes).
        """
        if renewal.status in ("open", "uncollectible"):
            await self.void(renewal.invoice_id, key=key)
        elif renewal.status == "paid" and renewal.refundable + renewal.creditable > 0:
            note: CreditNoteCreateParams = {
                "invoice": renewal.invoice_id,
                "amount": renewal.refundable + renewal.creditable,
                "refund_amount": renewal.refundable,
                "credit_amount": renewal.creditable,
                "reason": "order_change",
                "memo": "Renewed after the customer had asked to cancel",
            }
            await ask(lambda: self._credit_notes.create_async(note, {"idempotency_key": key}), writing=True)

    async def paid(self, subscription_id: str, since: datetime, after: str | None) -> PaidInvoices:
        """Return a page of the subscription's paid invoices created since then, newest first."""
        params: InvoiceListParams = {
            "subscription": subscription_id,
            "status": "paid",
            "created": {"gte": int(since.timestamp())},
            "limit": PAGE_SIZE,
        }
        if after is not None:
            params["starting_after"] = after
        found = await ask(lambda: self._invoices.list_async(params), writing=False, seconds=WRITE_SECONDS)
        return PaidInvoices(tuple(map(_read_paid, found.data)), found.data[-1].id if found.has_more else None)


def _read_renewal(found: stripe.Invoice) -> Renewal:
    # A balance below zero is the customer's credit.
    covered = max(0, (found.ending_balance or 0) - found.starting_balance)
    refundable = max(0, found.amount_paid - found.post_payment_credit_notes_amount)
    left = found.amount_paid + covered - found.post_payment_credit_notes_amount
    return Renewal(found.id, found.status, refundable, max(0, left - refundable))


def _read_open(found: stripe.Invoice) -> OpenInvoice:
    return OpenInvoice(
        found.id,
        found.currency,
        found.amount_paid,
        found.amount_remaining,
        datetime.fromtimestamp(found.created, UTC),
        found.billing_reason in ("subscription_create", "subscription_cycle"),
        datetime.fromtimestamp(found.due_date, UTC) if found.due_date else None,
        found.hosted_invoice_url,
    )


def _read_paid(found: stripe.Invoice) -> PaidInvoice:
    paid_at = found.status_transitions.paid_at or found.created
    return PaidInvoice(
        found.id,
        found.currency,
        found.amount_paid - found.post_payment_credit_notes_amount,
        datetime.fromtimestamp(found.created, UTC),
        datetime.fromtimestamp(paid_at, UTC),
    )
