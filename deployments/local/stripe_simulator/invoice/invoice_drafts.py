"""An invoice as it is drawn up: its lines, discounts and totals."""

from ..account import Account
from ..wire import Document, fields, new_id
from . import sent_invoices
from .invoice_lines import applying, net, period_line, take_off


def draw_up(
    account: Account, subscription: Document, items: list[Document], reason: str, at: int, *, free: bool = False
) -> Document:
    """Return an invoice, not yet stored, for these items' current periods and the prorations that wait for it.

    `free` during a trial. The given subscription remembers what was billed for each item, for a later credit.
    """
    customer = account.peek("customer", subscription["customer"])
    lines = [period_line(account, subscription, item, free=free) for item in items]
    discounts = [] if free else applying(account, subscription, at)
    totals = take_off(lines, discounts)
    pending, subscription["_pending"] = subscription["_pending"], []
    subtotal = sum(line["subtotal"] for line in [*pending, *lines])
    total = subtotal - sum(entry["amount"] for entry in totals)
    # The customer's balance is added; it is negative when they have credit.
    due = max(0, total + customer["balance"])
    money = {
        "amount_due": due,
        "amount_remaining": due,
        "starting_balance": customer["balance"],
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_discount_amounts": totals,
        "total_excluding_tax": total,
        "discounts": [one["id"] for one in discounts],
    }
    invoice = _blank(customer, subscription, at) | money | {"billing_reason": reason}
    # An invoice's period is the past one; the periods of its lines lie ahead.
    invoice["period_start"] = items[0].get("_previous_start", at) if items else at
    _put_lines(invoice, [*pending, *lines])
    subscription["_debits"] |= {item["id"]: debit(line) for item, line in zip(items, lines, strict=True)}
    for one in subscription["_debits"].values():
        if one["line"] in [line["id"] for line in pending]:
            one["invoice"] = invoice["id"]
    return invoice


def debit(line: Document) -> Document:
    """Return what a line bills for an item, and for which time."""
    return {"amount": net(line), "invoice": line["invoice"], "line": line["id"], **line["period"]}


def _put_lines(invoice: Document, lines: list[Document]) -> None:
    for line in lines:
        line["invoice"] = invoice["id"]
    invoice["lines"] = {
        "object": "list",
        "data": lines,
        "has_more": False,
        "total_count": len(lines),
        "url": f"/v1/invoices/{invoice['id']}/lines",
    }


def _blank(customer: Document, subscription: Document, at: int) -> Document:
    nothing = fields(
        """account_tax_ids application automatically_finalizes_at confirmation_secret custom_fields customer_account
        customer_shipping default_payment_method default_source description effective_at ending_balance
        footer from_invoice hosted_invoice_url invoice_pdf last_finalization_error latest_revision
        next_payment_attempt number on_behalf_of receipt_number rendering shipping_cost shipping_details
        statement_descriptor status_details"""
    )
    zero = fields(
        """amount_overpaid amount_paid amount_paid_off_stripe amount_shipping attempt_count
        post_payment_credit_notes_amount pre_payment_credit_notes_amount""",
        0,
    )
    return (
        {"id": new_id("in"), "object": "invoice"}
        | nothing
        | zero
        | sent_invoices.terms_of(subscription, at)
        | {
            "account_country": "US",
            "account_name": "Stripe simulator",
            "attempted": False,
            "auto_advance": True,
            "automatic_tax": dict.fromkeys(("disabled_reason", "liability", "provider", "status")) | {"enabled": False},
            "created": at,
            "currency": subscription["currency"],
            "customer": customer["id"],
            "customer_address": customer["address"],
            "customer_email": customer["email"],
            "customer_name": customer["name"],
            "customer_phone": customer["phone"],
            "customer_tax_exempt": customer["tax_exempt"],
            "customer_tax_ids": [],
            "default_tax_rates": [],
            "issuer": {"type": "self"},
            "livemode": False,
            "metadata": {},
            "parent": {
                "quote_details": None,
                "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
                "type": "subscription_details",
            },
            "payment_settings": dict.fromkeys(("default_mandate", "payment_method_options", "payment_method_types")),
            "period_end": at,
            "status": "draft",
            "status_transitions": dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
            "test_clock": subscription["test_clock"],
            "total_pretax_credit_amounts": [],
            "total_taxes": [],
            "webhooks_delivered_at": at,
        }
    )
