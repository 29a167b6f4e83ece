"""What was paid on a subscription's invoices, and refunds of it by credit notes.

https://docs.stripe.com/api/credit_notes, https://docs.stripe.com/api/invoice-payment. Raises `BillingFailed`.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import stripe
from stripe.params import CreditNoteCreateParams, InvoiceListParams, RefundListParams

from nodes.clients.billing.calls import PAGE_SIZE, ask, together

# The credit note's metadata key for the request that it belongs to.
REQUEST = "cancelflow_request"
_WITHOUT_EFFECT = ("failed", "canceled")


@dataclass(frozen=True)
class Payment:
    """The payment of an invoice through Stripe. `left`: not yet refunded, in minor units."""

    invoice_id: str
    for_a_period: bool  # rather than for a change within a period
    left: int


class BillingRefunds:
    """The refund calls of `Billing`, on its connections."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._stripe = client.v1

    async def payments(self, subscription_id: str, since: datetime) -> list[Payment]:
        """Return the payments of the invoices since then of which something is left, newest first.

        What was paid outside of Stripe does not count: only the company can return it.
        """
        params: InvoiceListParams = {
            "subscription": subscription_id,
            "status": "paid",
            "created": {"gte": int(since.timestamp())},
            "expand": ["data.payments"],
            "limit": PAGE_SIZE,
        }
        found = await ask(lambda: self._stripe.invoices.list_async(params), writing=False)
        every = await together(*(self._payment(each) for each in found.data))
        return [each for each in every if each.left > 0]

    async def _payment(self, invoice: stripe.Invoice) -> Payment:
        paid = [each for each in (invoice.payments.data if invoice.payments else []) if each.status == "paid"]
        refunded = await together(*(self._refunded(each.payment) for each in paid))
        left = sum(each.amount_paid or 0 for each in paid) - sum(refunded)
        # A credit note may also have returned money as credit, which is no refund of the payment.
        credited = invoice.amount_paid - invoice.post_payment_credit_notes_amount
        return Payment(
            invoice.id, invoice.billing_reason in ("subscription_create", "subscription_cycle"), min(left, credited)
        )

    async def _refunded(self, payment: stripe.InvoicePayment.Payment) -> int:
        params: RefundListParams = {"limit": PAGE_SIZE}
        if payment.type == "payment_intent":
            params["payment_intent"] = str(payment.payment_intent)
        else:
            params["charge"] = str(payment.charge)
        found = await ask(lambda: self._stripe.refunds.list_async(params), writing=False)
        return sum(each.amount for each in found.data if each.status not in _WITHOUT_EFFECT)

    async def refund(self, invoice_id: str, amount: int, request_id: UUID, *, key: str) -> str:
        """Refund an amount by a credit note; return its id."""
        note: CreditNoteCreateParams = {
            "invoice": invoice_id,
            "amount": amount,
            "refund_amount": amount,
            "reason": "order_change",
            "memo": "Cancelled with immediate effect",
            "metadata": {REQUEST: str(request_id)},
        }
        made = await ask(lambda: self._stripe.credit_notes.create_async(note, {"idempotency_key": key}), writing=True)
        return made.id

    async def refund_of(self, invoice_id: str, request_id: UUID) -> tuple[str, int] | None:
        """Return id and amount of the credit note that `refund` has made for this request, or None."""
        found = await ask(
            lambda: self._stripe.credit_notes.list_async({"invoice": invoice_id, "limit": PAGE_SIZE}), writing=False
        )
        for each in found.data:
            if each.metadata and each.metadata.to_dict().get(REQUEST) == str(request_id):
                return each.id, each.amount
        return None
