"""Payments of invoices: the invoice payment, and the PaymentIntent and charge behind it.

An invoice is paid by one card payment at most, so all three are derived from the invoice and not stored: their ids are
the invoice's with another prefix. Not implemented: PaymentIntents and charges as objects, and their events.
"""

from ..account import Account
from ..parameters import PAGE, Shape, choice, text
from ..wire import ApiError, Document, no_such

LIST = Shape(
    PAGE
    | {
        "invoice": text(),
        "payment": Shape(
            {"payment_intent": text(), "type": choice("payment_intent")},
            required=("payment_intent", "type"),
            lacking="payment_record",
        ),
        "status": choice("canceled", "open", "paid"),
    }
)
_SPOKEN = {"inpay": "invoice_payment", "pi": "payment_intent", "ch": "charge"}


def charged(invoice: Document) -> int:
    """Return the amount charged to the customer's card for an invoice, in the currency's smallest unit."""
    return int(invoice["amount_paid"] - invoice["amount_paid_off_stripe"])


def refundable(invoice: Document) -> int:
    """Return the charged amount not yet refunded."""
    return charged(invoice) - int(invoice.get("_refunded", 0))


def sibling(invoice: Document, prefix: str) -> str:
    """Return the id of an invoice's payment: `inpay`, `pi` or `ch`."""
    return f"{prefix}_{invoice['id'].partition('_')[2]}"


def invoice_of(account: Account, identifier: str, prefix: str, param: str, status: int = 400) -> Document:
    """Return the invoice behind a payment's id; raises Stripe's `resource_missing`."""
    head, _, rest = identifier.partition("_")
    found = account.store.get("invoice", f"in_{rest}") if head == prefix else None
    if found is None or not _has_payment(found):
        raise no_such(_SPOKEN[prefix], identifier, param, status)
    return found


def _has_payment(invoice: Document) -> bool:
    return bool(invoice["status"] != "draft" and invoice["total"] > 0)


def payment_of(invoice: Document) -> Document:
    """Return the invoice payment, which Stripe creates with the invoice and keeps in sync."""
    transitions = invoice["status_transitions"]
    paid = charged(invoice)
    canceled_at = None if paid else transitions["voided_at"] or transitions["paid_at"]
    return {
        "id": sibling(invoice, "inpay"),
        "object": "invoice_payment",
        "amount_paid": paid or None,
        "amount_requested": paid or invoice["amount_remaining"],
        "created": transitions["finalized_at"],
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {
            "charge": None,
            "payment_intent": sibling(invoice, "pi"),
            "payment_record": None,
            "type": "payment_intent",
        },
        "status": "paid" if paid else "canceled" if canceled_at else "open",
        "status_transitions": {"canceled_at": canceled_at, "paid_at": transitions["paid_at"] if paid else None},
    }


def payments_of(invoice: Document) -> Document:
    """Return `payments`, which an invoice shows when expanded."""
    rows = [payment_of(invoice)] if _has_payment(invoice) else []
    url = f"/v1/invoice_payments?invoice={invoice['id']}"
    return {"object": "list", "data": rows, "has_more": False, "url": url}


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/invoice_payments/{invoice_payment}."""
    return payment_of(invoice_of(account, identifier, "inpay", "invoice_payment", 404))


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/invoice_payments, of an invoice or of a PaymentIntent; listing all is not implemented."""
    if "invoice" in params:
        invoice = account.find("invoice", params["invoice"], "invoice", 400)
    elif "payment" in params:
        invoice = invoice_of(account, params["payment"]["payment_intent"], "pi", "payment[payment_intent]")
    else:
        message = "The Stripe simulator lists invoice payments by `invoice` or `payment` only."
        raise ApiError(message, status=501, kind="api_error", executed=False)
    rows = [one for one in payments_of(invoice)["data"] if params.get("status") in (None, one["status"])]
    return account.listing("/v1/invoice_payments", rows, False)
