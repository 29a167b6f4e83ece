"""Credit notes: less to pay, or money back, and their effect on the invoice."""

from typing import Any

import pytest
import stripe

from .refusals import refused
from .shop import START, Shop, at, open_renewal, paid_renewal


def _refunds(shop: Shop, invoice: stripe.Invoice) -> list[stripe.Refund]:
    (payment,) = shop.v1.invoice_payments.list({"invoice": invoice.id}).data
    return shop.v1.refunds.list({"limit": 100, "payment_intent": str(payment.payment.payment_intent)}).data


def _credited(invoice: stripe.Invoice) -> tuple[int, int, int, int, str | None]:
    return (
        invoice.amount_due,
        invoice.amount_remaining,
        invoice.pre_payment_credit_notes_amount,
        invoice.post_payment_credit_notes_amount,
        invoice.status,
    )


def test_a_paid_renewal_is_given_back(shop: Shop) -> None:
    invoice = paid_renewal(shop)
    note = shop.v1.credit_notes.create(
        {
            "invoice": invoice.id,
            "amount": 4900,
            "refund_amount": 4900,
            "reason": "order_change",
            "memo": "You had cancelled before.",
            "metadata": {"request": "r1"},
        }
    )
    assert (note.type, note.status, note.amount, note.number) == (
        "post_payment",
        "issued",
        4900,
        f"{invoice.number}-CN-01",
    )
    assert (note.memo, note.reason, note.created) == ("You had cancelled before.", "order_change", at(2027, 2, 15))
    assert (note.pre_payment_amount, note.post_payment_amount) == (0, 4900)
    (linked,) = note.refunds
    refund = shop.v1.refunds.retrieve(str(linked.refund))
    assert (refund.amount, refund.status, refund.created) == (4900, "succeeded", at(2027, 2, 15))
    after = shop.v1.invoices.retrieve(invoice.id)
    assert _credited(after) == (4900, 0, 0, 4900, "paid")
    assert after.amount_paid == 4900


def test_what_is_told_of_it(shop: Shop) -> None:
    invoice = paid_renewal(shop)
    note = shop.v1.credit_notes.create({"invoice": invoice.id, "amount": 900, "refund_amount": 900})
    (told,) = shop.events(note.id)
    assert (told.type, told.data.object["invoice"]) == ("credit_note.created", invoice.id)
    assert [event.type for event in shop.events(str(note.refunds[0].refund))] == ["refund.created"]
    changed = shop.events(invoice.id, "invoice.updated")[-1]
    assert changed.data.previous_attributes is not None
    assert changed.data.previous_attributes.to_dict() == {"post_payment_credit_notes_amount": 0}


def test_the_same_key_gives_back_once(shop: Shop) -> None:
    invoice = paid_renewal(shop)
    params: stripe.params.CreditNoteCreateParams = {"invoice": invoice.id, "amount": 4900, "refund_amount": 4900}
    notes = {shop.v1.credit_notes.create(params, {"idempotency_key": f"back-{invoice.id}"}).id for _ in range(3)}
    assert len(notes) == len(_refunds(shop, invoice)) == 1


def test_notes_are_found_again(shop: Shop) -> None:
    invoice = paid_renewal(shop)
    made = [
        shop.v1.credit_notes.create({"invoice": invoice.id, "amount": 100, "out_of_band_amount": 100}).id
        for _ in range(3)
    ]
    listed = shop.v1.credit_notes.list({"invoice": invoice.id, "limit": 2})
    assert ([note.id for note in listed.data], listed.has_more) == (made[:0:-1], True)
    assert [note.id for note in listed.auto_paging_iter()] == made[::-1]
    assert shop.v1.credit_notes.list({"customer": str(invoice.customer)}).data[0].id == made[-1]
    found = shop.v1.credit_notes.retrieve(made[0], {"expand": ["invoice", "refunds.refund"]})
    assert isinstance(found.invoice, stripe.Invoice)
    assert (found.invoice.id, found.out_of_band_amount) == (invoice.id, 100)
    with refused(code="resource_missing", param="id", status=404, says="No such credit_note: 'cn_none'"):
        shop.v1.credit_notes.retrieve("cn_none")


def test_a_memo_and_metadata_may_change(shop: Shop) -> None:
    note = shop.v1.credit_notes.create({"invoice": paid_renewal(shop).id, "amount": 1, "refund_amount": 1})
    after = shop.v1.credit_notes.update(note.id, {"memo": "again", "metadata": {"a": "1"}})
    assert (after.memo, after.amount) == ("again", 1)
    assert [event.type for event in shop.events(note.id)] == ["credit_note.created", "credit_note.updated"]


def test_an_open_invoice_asks_for_less(shop: Shop) -> None:
    invoice = open_renewal(shop)
    note = shop.v1.credit_notes.create({"invoice": invoice.id, "amount": 900})
    assert (note.type, note.pre_payment_amount, note.post_payment_amount) == ("pre_payment", 900, 0)
    assert _credited(shop.v1.invoices.retrieve(invoice.id)) == (4000, 4000, 900, 0, "open")
    paid = shop.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"})
    assert (paid.amount_paid, paid.total) == (4000, 4900)
    with refused(param="amount", says="exceeds the amount that is left"):
        shop.v1.credit_notes.create({"invoice": invoice.id, "amount": 4001, "refund_amount": 4001})
    shop.v1.credit_notes.create({"invoice": invoice.id, "amount": 4000, "refund_amount": 4000})
    assert _credited(shop.v1.invoices.retrieve(invoice.id)) == (4000, 0, 900, 4000, "paid")


def test_an_open_invoice_credited_whole_ispaid_renewal(shop: Shop) -> None:
    invoice = open_renewal(shop)
    shop.v1.credit_notes.create({"invoice": invoice.id, "amount": 4900})
    assert _credited(shop.v1.invoices.retrieve(invoice.id)) == (0, 0, 4900, 0, "paid")
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert shop.v1.subscriptions.retrieve(str(invoice.parent.subscription_details.subscription)).status == "active"


def test_credit_joins_the_next_invoice(shop: Shop) -> None:
    invoice = paid_renewal(shop)
    note = shop.v1.credit_notes.create({"invoice": invoice.id, "amount": 4900, "credit_amount": 4900})
    assert str(note.customer_balance_transaction).startswith("cbtxn_")
    customer = shop.v1.customers.retrieve(str(invoice.customer))
    assert customer.balance == -4900
    shop.advance(str(customer.test_clock), at(2027, 3, 15))
    (renewal,) = shop.v1.invoices.list({"customer": customer.id, "limit": 1}).data
    assert (renewal.starting_balance, renewal.ending_balance, renewal.total) == (-4900, 0, 4900)
    assert (renewal.amount_due, renewal.status) == (0, "paid")
    assert shop.v1.customers.retrieve(customer.id).balance == 0


def test_a_voided_invoice_gives_credit_back(shop: Shop) -> None:
    invoice = open_renewal(shop)
    customer = str(invoice.customer)
    shop.v1.customers.update(customer, {"balance": -1000})
    shop.advance(str(shop.v1.customers.retrieve(customer).test_clock), at(2027, 2, 16))
    other = shop.v1.subscriptions.create({"customer": customer, "items": [{"price": shop.price().id}]})
    assert shop.v1.customers.retrieve(customer).balance == 0
    assert shop.v1.invoices.retrieve(str(other.latest_invoice)).amount_due == 3900
    shop.v1.invoices.void_invoice(str(other.latest_invoice))
    assert shop.v1.customers.retrieve(customer).balance == -1000


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"amount": 4900}, r"out of band amount ($0.00) must equal the post payment amount ($49.00)"),
        ({"amount": 4900, "refund_amount": 4000}, r"out of band amount ($40.00) must equal"),
        ({"amount": 100, "refund_amount": 50, "credit_amount": 51}, r"out of band amount ($1.01) must equal"),
    ],
)
def test_a_sum_that_does_not_add_up(loose: Any, shop: Shop, params: dict[str, int], says: str) -> None:
    invoice = paid_renewal(shop)
    with refused(says=says):
        loose.credit_notes.create({"invoice": invoice.id, **params})
    assert _credited(shop.v1.invoices.retrieve(invoice.id)) == (4900, 0, 0, 0, "paid")


def test_what_a_note_needs(loose: Any, shop: Shop) -> None:
    invoice = paid_renewal(shop)
    with refused(code="parameter_missing", param="amount"):
        loose.credit_notes.create({"invoice": invoice.id, "refund_amount": 4900})
    with refused(code="parameter_missing", param="invoice"):
        loose.credit_notes.create({"amount": 4900})
    with refused(code="resource_missing", param="invoice"):
        loose.credit_notes.create({"invoice": "in_none", "amount": 1})
    with refused(param="amount", says="($50.00) exceeds the amount that is left to credit on the invoice ($49.00)"):
        loose.credit_notes.create({"invoice": invoice.id, "amount": 5000, "refund_amount": 5000})
    with refused(param="reason"):
        loose.credit_notes.create({"invoice": invoice.id, "amount": 1, "reason": "requested_by_customer"})


def test_there_is_no_note_over_a_voided_invoice(shop: Shop) -> None:
    invoice = open_renewal(shop)
    shop.v1.invoices.void_invoice(invoice.id)
    with refused(param="invoice", says="this one is void"):
        shop.v1.credit_notes.create({"invoice": invoice.id, "amount": 100})


def test_notes_on_the_real_clock_bear_its_time(shop: Shop) -> None:
    subscription = shop.subscription()
    note = shop.v1.credit_notes.create(
        {"invoice": str(subscription.latest_invoice), "amount": 4900, "refund_amount": 4900}
    )
    assert subscription.created <= note.created < START


def _noted(note: stripe.CreditNote) -> dict[str, Any]:
    """Return a credit note without the ids that differ between a preview and the note itself."""
    changing = ("id", "lines", "pdf", "refunds", "customer_balance_transaction")
    shown = {name: value for name, value in note.to_dict().items() if name not in changing}
    lines = [(line.description, line.amount) for line in note.lines.data]
    return shown | {"lines": lines, "refunds": [one.amount_refunded for one in note.refunds]}


@pytest.mark.parametrize("way", [{"refund_amount": 1900}, {"credit_amount": 1900}, {"out_of_band_amount": 1900}])
def test_a_preview_is_the_note_that_follows(shop: Shop, way: dict[str, int]) -> None:
    invoice = paid_renewal(shop)
    given: Any = {"invoice": invoice.id, "amount": 1900, "reason": "order_change", **way}
    preview = shop.v1.credit_notes.preview(given | {"expand": ["refunds.refund"]})
    assert all(isinstance(one.refund, stripe.Refund) for one in preview.refunds)
    assert shop.v1.invoices.retrieve(invoice.id).to_dict() == invoice.to_dict()
    assert (_refunds(shop, invoice), shop.v1.credit_notes.list({"invoice": invoice.id}).data) == ([], [])
    assert shop.v1.customers.retrieve(str(invoice.customer)).balance == 0
    assert _noted(shop.v1.credit_notes.create(given)) == _noted(preview)


def test_a_preview_refuses_what_a_note_refuses(shop: Shop) -> None:
    with refused(param="amount", says="exceeds the amount that is left to credit"):
        shop.v1.credit_notes.preview({"invoice": paid_renewal(shop).id, "amount": 4901, "refund_amount": 4901})
