"""A subscription's invoices at Stripe (https://docs.stripe.com/api/invoices): what is owed, paid and taken back."""

from datetime import datetime

import stripe
from stripe import RequestOptions
from stripe.params import CreditNoteCreateParams, InvoiceListParams

from nodes.clients.billing_calls import PAGE_SIZE, WRITE_SECONDS, ask
from nodes.clients.billing_objects import OpenInvoice, PaidInvoices, Renewal, read_open_invoice, read_paid_invoice


class BillingInvoices:
    """Part of `Billing`, on its connections."""

    def __init__(self, invoices: stripe.InvoiceService, credit_notes: stripe.CreditNoteService) -> None:
        self._invoices = invoices
        self._credit_notes = credit_notes

    async def open(self, subscription_id: str) -> list[OpenInvoice]:
        """Those that are not paid, or not in full, and that Stripe goes on collecting; the newest first."""
        params: InvoiceListParams = {"subscription": subscription_id, "status": "open", "limit": PAGE_SIZE}
        found = await ask(lambda: self._invoices.list_async(params), writing=False)
        return [read_open_invoice(each) for each in found.data]

    async def void(self, invoice_id: str, *, key: str) -> None:
        """Nobody is asked to pay it any more. Stripe refuses one that is not open."""
        options: RequestOptions = {"idempotency_key": key}
        await ask(lambda: self._invoices.void_invoice_async(invoice_id, {}, options), writing=True)

    async def renewals_since(self, subscription_id: str, moment: datetime) -> list[Renewal]:
        """What the subscription was charged for new periods since then; a handful, for it is asked within months."""
        params: InvoiceListParams = {"subscription": subscription_id, "created": {"gte": int(moment.timestamp())}}
        found = await ask(lambda: self._invoices.list_async({**params, "limit": PAGE_SIZE}), writing=False)
        return [
            Renewal(i.id, i.status, i.amount_paid - i.post_payment_credit_notes_amount)
            for i in found.data
            if i.billing_reason == "subscription_cycle"
        ]

    async def undo_renewal(self, renewal: Renewal, *, key: str) -> None:
        """Void an open invoice, refund a paid one by a credit note; one that is void or refunded stays as it is."""
        if renewal.status in ("open", "uncollectible"):
            await self.void(renewal.invoice_id, key=key)
        elif renewal.status == "paid" and renewal.left_to_refund > 0:
            note: CreditNoteCreateParams = {
                "invoice": renewal.invoice_id,
                "amount": renewal.left_to_refund,
                "refund_amount": renewal.left_to_refund,
                "reason": "order_change",
                "memo": "Renewed after the customer had asked to cancel",
            }
            await ask(lambda: self._credit_notes.create_async(note, {"idempotency_key": key}), writing=True)

    async def paid(self, subscription_id: str, since: datetime, after: str | None) -> PaidInvoices:
        """A page of the subscription's invoices that were made since then and are paid, the newest first."""
        params: InvoiceListParams = {
            "subscription": subscription_id,
            "status": "paid",
            "created": {"gte": int(since.timestamp())},
            "limit": PAGE_SIZE,
        }
        if after is not None:
            params["starting_after"] = after
        found = await ask(lambda: self._invoices.list_async(params), writing=False, seconds=WRITE_SECONDS)
        return PaidInvoices(tuple(map(read_paid_invoice, found.data)), found.data[-1].id if found.has_more else None)
