"""Refunds of invoice payments; refunds to a card succeed immediately."""

from ..account import Account
from ..parameters import EXPAND, PAGE, Shape, choice, integer, merged, metadata, text
from ..wire import ApiError, Document, fields, new_id, one_of, spoken_amount
from . import payments

CREATE = Shape(
    EXPAND
    | {
        "amount": integer(1),
        "charge": text(),
        "metadata": metadata,
        "payment_intent": text(),
        "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
    },
    lacking="currency customer instructions_email origin refund_application_fee reverse_transfer",
)
UPDATE = Shape(EXPAND | {"metadata": metadata})
LIST = Shape(PAGE | {"charge": text(), "payment_intent": text()})


def create(account: Account, params: Document) -> Document:
    """POST /v1/refunds, of a PaymentIntent or a charge; refunds the whole remainder unless an amount is given."""
    invoice = _invoice(account, params)
    amount = params.get("amount", payments.refundable(invoice))
    return give_back(account, invoice, amount, params, "amount")


def _invoice(account: Account, params: Document) -> Document:
    named = [name for name in ("payment_intent", "charge") if name in params]
    if len(named) == 2:
        raise one_of(named)
    if not named:
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise ApiError(message, code="parameter_missing", executed=False)
    prefix = {"payment_intent": "pi", "charge": "ch"}[named[0]]
    return payments.invoice_of(account, params[named[0]], prefix, named[0])


def give_back(account: Account, invoice: Document, amount: int, params: Document, param: str) -> Document:
    """Refund part of an invoice's payment. Only a credit note shows on the invoice, not a refund."""
    charge, left = payments.sibling(invoice, "ch"), payments.refundable(invoice)
    if left <= 0 and payments.charged(invoice):
        raise ApiError(f"Charge {charge} has already been refunded.", code="charge_already_refunded")
    if amount > left:
        raise ApiError(
            f"Refund amount ({spoken_amount(amount, invoice['currency'])}) is greater than unrefunded amount on charge "
            f"({spoken_amount(left, invoice['currency'])})",
            param=param,
        )
    account.save(invoice | {"_refunded": invoice.get("_refunded", 0) + amount})
    return account.create(_blank(account, invoice, amount, params), "refund.created")


def _blank(account: Account, invoice: Document, amount: int, params: Document) -> Document:
    nothing = fields(
        """customer_account description failure_balance_transaction failure_reason instructions_email next_action
        payment_method pending_reason presentment_details receipt_number source_transfer_reversal transfer_reversal"""
    )
    card = {"reference": None, "reference_status": "pending", "reference_type": "acquirer_reference_number"}
    return (
        {"id": new_id("re"), "object": "refund"}
        | nothing
        | {
            "amount": amount,
            "balance_transaction": new_id("txn"),
            "charge": payments.sibling(invoice, "ch"),
            "created": account.now(invoice["test_clock"]),
            "currency": invoice["currency"],
            "customer": invoice["customer"],
            "destination_details": {"card": card | {"type": "refund"}, "type": "card"},
            "metadata": merged({}, params.get("metadata")),
            "payment_intent": payments.sibling(invoice, "pi"),
            "reason": params.get("reason"),
            "status": "succeeded",
            "_clock": invoice["test_clock"],
        }
    )


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/refunds/{refund}."""
    return account.find("refund", identifier, "refund")


def update(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/refunds/{refund}."""
    before = account.find("refund", identifier, "refund")
    after = before | {"metadata": merged(before["metadata"], params.get("metadata"))}
    return account.update(before, after, "refund.updated")


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/refunds."""
    wanted = dict(params)
    if "charge" in wanted:
        # The store looks refunds up by PaymentIntent, whose id matches the charge's.
        wanted["payment_intent"] = wanted["charge"].replace("ch_", "pi_", 1)

    return account.page("refund", "/v1/refunds", params, lookup=wanted.get("payment_intent"))
