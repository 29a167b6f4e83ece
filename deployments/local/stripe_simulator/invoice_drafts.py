"""The contents of an invoice: lines, discounts and totals for the items that a subscription bills."""

from . import sent_invoices
from .account import Account
from .wire import Document, fields, new_id


def draw_up(
    account: Account, subscription: Document, items: list[Document], reason: str, at: int, *, free: bool = False
) -> Document:
    """Return an invoice, not yet stored, for these items' current periods; `free` during a trial."""
    customer = account.peek("customer", subscription["customer"])
    lines = [_line(account, subscription, item, free=free) for item in items]
    held = subscription["discounts"] or [one["id"] for one in [customer["discount"]] if one]
    discounts = [account.peek("discount", one) for one in held]
    applying = [] if free else [one for one in discounts if one["end"] is None or one["end"] > at]
    totals = _take_off(lines, applying)
    subtotal = sum(line["subtotal"] for line in lines)
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
        "discounts": [one["id"] for one in applying],
    }
    invoice = _blank(customer, subscription, at) | money | {"billing_reason": reason}
    # An invoice's period is the past one; the periods of its lines lie ahead.
    invoice["period_start"] = at if reason == "subscription_create" else items[0]["_previous_start"]
    for line in lines:
        line["invoice"] = invoice["id"]
    invoice["lines"] = {
        "object": "list",
        "data": lines,
        "has_more": False,
        "total_count": len(lines),
        "url": f"/v1/invoices/{invoice['id']}/lines",
    }
    return invoice


def _line(account: Account, subscription: Document, item: Document, *, free: bool) -> Document:
    price = item["price"]
    product = account.peek("product", price["product"])
    unit = 0 if free else price["unit_amount"]
    amount = unit * item["quantity"]
    details = {"invoice_item": None, "proration": False, "proration_details": {"credited_items": None}}
    details |= {"subscription": subscription["id"], "subscription_item": item["id"]}
    worded = f"{unit / 100:.2f} {price['currency'].upper()} / {price['recurring']['interval']}"
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": f"Trial period for {product['name']}"
        if free
        else f"{item['quantity']} × {product['name']} (at {worded})",  # noqa: RUF001 - Stripe's own sign
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": subscription["metadata"],
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": details,
            "type": "subscription_item_details",
        },
        "period": {"end": item["current_period_end"], "start": item["current_period_start"]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": str(unit),
        },
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subscription": subscription["id"],
        "subtotal": amount,
        "taxes": [],
    }


def _take_off(lines: list[Document], discounts: list[Document]) -> list[Document]:
    """Apply discounts in order, each to the remaining amount, and return the total of each."""
    left = [line["subtotal"] for line in lines]
    totals = []
    for discount in discounts:
        shares = _shares(discount["_terms"], left)
        left = [rest - share for rest, share in zip(left, shares, strict=True)]
        for line, share in zip(lines, shares, strict=True):
            line["discount_amounts"].append({"amount": share, "discount": discount["id"]})
        totals.append({"amount": sum(shares), "discount": discount["id"]})
    return totals


def _shares(terms: Document, left: list[int]) -> list[int]:
    if terms["percent_off"] is not None:
        return [int(rest * terms["percent_off"] / 100 + 0.5) for rest in left]
    shares, budget = [], terms["amount_off"]
    for rest in left:
        shares.append(min(rest, budget))
        budget -= shares[-1]
    return shares


def _blank(customer: Document, subscription: Document, at: int) -> Document:
    nothing = fields(
        """account_tax_ids application automatically_finalizes_at confirmation_secret custom_fields customer_account
        customer_shipping default_payment_method default_source description effective_at ending_balance
        footer from_invoice hosted_invoice_url invoice_pdf last_finalization_error latest_revision
        next_payment_attempt number on_behalf_of receipt_number rendering shipping_cost shipping_details
        statement_descriptor status_details threshold_reason"""
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
