"""Payments of an invoice, and refunds without a credit note."""

from typing import Any

import pytest
import stripe

from .refusals import refused
from .shop import Shop, open_renewal, paid_renewal


def _intent(shop: Shop, invoice: stripe.Invoice) -> str:
    (payment,) = shop.v1.invoice_payments.list({"invoice": invoice.id}).data
    return str(payment.payment.payment_intent)


def test_an_invoice_names_its_payment(shop: Shop) -> None:
    invoice = shop.v1.invoices.retrieve(paid_renewal(shop).id, {"expand": ["payments"]})
    assert invoice.payments is not None
    (payment,) = invoice.payments.data
    assert (payment.status, payment.amount_paid, payment.invoice) == ("paid", 4900, invoice.id)
    assert shop.v1.invoice_payments.retrieve(payment.id).to_dict() == payment.to_dict()
    query: stripe.params.InvoicePaymentListParamsPayment = {
        "type": "payment_intent",
        "payment_intent": _intent(shop, invoice),
    }
    assert shop.v1.invoice_payments.list({"payment": query}).data[0].invoice == invoice.id


def test_an_unpaid_invoice_has_an_open_payment(shop: Shop) -> None:
    invoice = open_renewal(shop)
    (payment,) = shop.v1.invoice_payments.list({"invoice": invoice.id}).data
    assert (payment.status, payment.amount_paid, payment.amount_requested) == ("open", None, 4900)
    shop.v1.invoices.void_invoice(invoice.id)
    assert shop.v1.invoice_payments.retrieve(payment.id).status == "canceled"


@pytest.mark.parametrize("by", ["payment_intent", "charge"])
def test_a_refund_without_a_note(loose: Any, shop: Shop, by: str) -> None:
    invoice = paid_renewal(shop)
    intent = _intent(shop, invoice)
    name = intent if by == "payment_intent" else intent.replace("pi_", "ch_")
    part = loose.refunds.create({by: name, "amount": 900, "reason": "requested_by_customer"})
    rest = loose.refunds.create({by: name, "metadata": {"a": "1"}})
    assert (part.amount, rest.amount, rest.reason, part.payment_intent) == (900, 4000, None, intent)
    assert [one.id for one in loose.refunds.list({by: name}).data] == [rest.id, part.id]
    after = shop.v1.invoices.retrieve(invoice.id)
    assert (after.amount_paid, after.post_payment_credit_notes_amount, after.status) == (4900, 0, "paid")
    with refused(code="charge_already_refunded", says="has already been refunded"):
        shop.v1.refunds.create({"payment_intent": intent})


def test_no_more_is_given_back_than_was_paid(loose: Any, shop: Shop) -> None:
    invoice = paid_renewal(shop)
    intent = _intent(shop, invoice)
    shop.v1.refunds.create({"payment_intent": intent, "amount": 4000})
    with refused(param="amount", says="($10.00) is greater than unrefunded amount on charge ($9.00)"):
        shop.v1.refunds.create({"payment_intent": intent, "amount": 1000})
    with refused(param="refund_amount", says="($10.00) is greater than unrefunded amount on charge ($9.00)"):
        shop.v1.credit_notes.create({"invoice": invoice.id, "amount": 1000, "refund_amount": 1000})
    with refused(code="resource_missing", param="payment_intent"):
        loose.refunds.create({"payment_intent": "pi_none"})
    with refused(code="parameter_missing"):
        loose.refunds.create({"amount": 1})


def test_what_was_paid_elsewhere_cannot_be_refunded(shop: Shop) -> None:
    invoice = open_renewal(shop)
    shop.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    with refused(param="refund_amount", says="no payment that could be refunded"):
        shop.v1.credit_notes.create({"invoice": invoice.id, "amount": 1, "refund_amount": 1})
    note = shop.v1.credit_notes.create({"invoice": invoice.id, "amount": 1, "out_of_band_amount": 1})
    assert (note.refunds, note.post_payment_amount) == ([], 1)
