"""Credit notes: less to pay on an open invoice, or money back on a paid one.

Not implemented: notes by `lines` or `shipping_cost`, notes for existing refunds, and voiding.
"""

from ..account import Account
from ..expansion import expand
from ..parameters import EXPAND, PAGE, Shape, choice, integer, merged, metadata, text
from ..subscription import lifecycle
from ..wire import ApiError, Document, new_id, spoken_amount
from . import invoices, refunds
from .payments import refundable

_REASON = choice("duplicate", "fraudulent", "order_change", "product_unsatisfactory")
# Where the already paid part of a note goes; together they must add up to that part.
_WAYS = ("credit_amount", "out_of_band_amount", "refund_amount")
CREATE = Shape(
    EXPAND
    | dict.fromkeys(_WAYS, integer(0))
    | {
        "amount": integer(1),
        "effective_at": integer(0),
        "email_type": choice("credit_note", "none"),
        "invoice": text(),
        "memo": text(),
        "metadata": metadata,
        "reason": _REASON,
    },
    required=("invoice",),
    lacking="lines refunds shipping_cost",
)
UPDATE = Shape(EXPAND | {"memo": text(), "metadata": metadata})
LIST = Shape(PAGE | {"customer": text(), "invoice": text()}, lacking="customer_account")


def create(account: Account, params: Document) -> Document:
    """POST /v1/credit_notes: reduces the unpaid amount first, and returns the rest as requested."""
    if "amount" not in params:
        # Stripe does not infer it from `refund_amount`.
        message = "One of `amount`, `lines`, or `shipping_cost` must be provided."
        raise ApiError(message, code="parameter_missing", param="amount", executed=False)
    invoice = account.find("invoice", params["invoice"], "invoice", 400)
    unpaid = _check(invoice, params)
    note = _blank(account, invoice, params, unpaid)
    if params.get("refund_amount"):
        # The refund gets no reason: refunds and credit notes have different ones.
        refund = refunds.give_back(account, invoice, params["refund_amount"], {}, "refund_amount")
        linked = {"amount_refunded": refund["amount"], "payment_record_refund": None, "refund": refund["id"]}
        note["refunds"] = [linked | {"type": "refund"}]
    if params.get("credit_amount"):
        note["customer_balance_transaction"] = _credit(account, invoice, params["credit_amount"])
    account.create(note, "credit_note.created")
    _adjust(account, account.peek("invoice", invoice["id"]), note)
    return note


def preview(account: Account, params: Document) -> Document:
    """GET /v1/credit_notes/preview: the credit note that the same parameters create, which is then undone."""
    with account.store.rehearsal():
        # Now, because its refund is about to disappear.
        return expand(account, account.render(create(account, params)), params.get("expand", []))


def _check(invoice: Document, params: Document) -> int:
    """Return the part of the note that reduces the unpaid amount. Only the sum's error message is Stripe's own."""
    if invoice["status"] not in ("open", "paid"):
        message = f"Credit notes can only be created for open or paid invoices; this one is {invoice['status']}."
        raise ApiError(message, param="invoice")
    currency = invoice["currency"]
    left = invoice["total"] - invoice["pre_payment_credit_notes_amount"] - invoice["post_payment_credit_notes_amount"]
    if params["amount"] > left:
        raise ApiError(
            f"The credit note amount ({spoken_amount(params['amount'], currency)}) exceeds the amount that is left to "
            f"credit on the invoice ({spoken_amount(left, currency)}).",
            param="amount",
        )
    unpaid = min(params["amount"], invoice["amount_remaining"])
    given = sum(params.get(way, 0) for way in _WAYS)
    if given != params["amount"] - unpaid:
        raise ApiError(
            f"The sum of credit amount, refund amount and out of band amount ({spoken_amount(given, currency)}) must "
            f"equal the post payment amount ({spoken_amount(params['amount'] - unpaid, currency)})."
        )
    if params.get("refund_amount", 0) and not refundable(invoice):
        raise ApiError("The invoice has no payment that could be refunded.", param="refund_amount")
    return int(unpaid)


def _credit(account: Account, invoice: Document, amount: int) -> str:
    """Credit the customer's balance, where credit is negative, and return the transaction's id."""
    customer = account.peek("customer", invoice["customer"])
    account.update(customer, customer | {"balance": customer["balance"] - amount}, "customer.updated")
    return new_id("cbtxn")


def _adjust(account: Account, before: Document, note: Document) -> None:
    pre, post = note["pre_payment_amount"], note["post_payment_amount"]
    after = before | {
        "amount_due": before["amount_due"] - pre,
        "amount_remaining": before["amount_remaining"] - pre,
        "post_payment_credit_notes_amount": before["post_payment_credit_notes_amount"] + post,
        "pre_payment_credit_notes_amount": before["pre_payment_credit_notes_amount"] + pre,
    }
    account.update(before, after, "invoice.updated")
    if after["status"] == "open" and after["amount_remaining"] == 0:
        lifecycle.recover(account, invoices.collect(account, after, None, note["created"]))


def _blank(account: Account, invoice: Document, params: Document, unpaid: int) -> Document:
    identifier, amount = new_id("cn"), params["amount"]
    paid = amount - unpaid
    now = account.now(invoice["test_clock"])
    earlier = sum(1 for _ in account.store.scan("credit_note", lookup=invoice["id"]))
    return {
        "id": identifier,
        "object": "credit_note",
        "amount": amount,
        "amount_shipping": 0,
        "created": now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": params.get("effective_at", now),
        "invoice": invoice["id"],
        "lines": _lines(identifier, amount),
        "livemode": False,
        "memo": params.get("memo"),
        "metadata": merged({}, params.get("metadata")),
        "number": f"{invoice['number']}-CN-{earlier + 1:02}",
        "out_of_band_amount": params.get("out_of_band_amount"),
        "pdf": f"https://pay.stripe.com/credit_notes/simulated/{identifier}/pdf",
        "post_payment_amount": paid,
        "pre_payment_amount": unpaid,
        "pretax_credit_amounts": [],
        "reason": params.get("reason"),
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": amount,
        "subtotal_excluding_tax": amount,
        "total": amount,
        "total_excluding_tax": amount,
        "total_taxes": [],
        "type": "mixed" if paid and unpaid else "post_payment" if paid else "pre_payment",
        "voided_at": None,
        "_clock": invoice["test_clock"],
    }


def _lines(note: str, amount: int) -> Document:
    line = {
        "id": new_id("cnli"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": "Credit",
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": None,
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": 1,
        "tax_rates": [],
        "taxes": [],
        "type": "custom_line_item",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    url = f"/v1/credit_notes/{note}/lines"
    return {"object": "list", "data": [line], "has_more": False, "total_count": 1, "url": url}


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/credit_notes/{credit_note}."""
    return account.find("credit_note", identifier)


def update(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/credit_notes/{credit_note}."""
    before = account.find("credit_note", identifier)
    after = before | {"metadata": merged(before["metadata"], params.get("metadata"))}
    after["memo"] = params.get("memo", before["memo"])
    return account.update(before, after, "credit_note.updated")


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/credit_notes."""
    return account.page(
        "credit_note",
        "/v1/credit_notes",
        params,
        customer=params.get("customer"),
        lookup=params.get("invoice"),
    )
