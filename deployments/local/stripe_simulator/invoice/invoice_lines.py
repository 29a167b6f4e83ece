"""The lines of an invoice: an item's period, or a proration; and the discounts taken off them."""

from datetime import UTC, datetime

from ..account import Account
from ..wire import Document, new_id


def applying(account: Account, subscription: Document, at: int) -> list[Document]:
    """Return the running discounts of a subscription; those of its customer if it has none."""
    own = account.peek("customer", subscription["customer"])["discount"]
    held = subscription["discounts"] or [one["id"] for one in [own] if one]
    discounts = [account.peek("discount", one) for one in held]
    return [one for one in discounts if one["end"] is None or one["end"] > at]


def period_line(account: Account, subscription: Document, item: Document, *, free: bool = False) -> Document:
    """Return the line for an item's current period."""
    price = item["price"]
    name = account.peek("product", price["product"])["name"]
    unit = 0 if free else price["unit_amount"]
    worded = f"{unit / 100:.2f} {price['currency'].upper()} / {price['recurring']['interval']}"
    charged = f"{item['quantity']} × {name} (at {worded})"  # noqa: RUF001 - Stripe's own sign
    line = _line(subscription, item, unit * item["quantity"], str(unit))
    return line | {
        "description": f"Trial period for {name}" if free else charged,
        "period": {"end": item["current_period_end"], "start": item["current_period_start"]},
    }


def proration_line(account: Account, subscription: Document, item: Document, amount: int, at: int) -> Document:
    """Return the line for the rest of an item's period after a time: a credit if the amount is negative.

    Its amount includes discounts, and its `discount_amounts` are 0, as with `proration_discounts=included`
    (https://docs.stripe.com/billing/subscriptions/prorations#prorations-and-discounts).
    """
    name, count = account.peek("product", item["price"]["product"])["name"], item["quantity"]
    what = name if count == 1 else f"{count} × {name}"  # noqa: RUF001 - Stripe's own sign
    day = datetime.fromtimestamp(at, UTC).strftime("%d %b %Y")
    line = _line(subscription, item, amount, f"{amount / (count or 1):.12f}".rstrip("0").rstrip("."))
    details = line["parent"]["subscription_item_details"]
    details |= {"invoice_item": new_id("ii"), "proration": True}
    return line | {
        "description": f"{'Unused' if amount < 0 else 'Remaining'} time on {what} after {day}",
        "discountable": False,
        "period": {"end": item["current_period_end"], "start": at},
    }


def _line(subscription: Document, item: Document, amount: int, unit: str) -> Document:
    price = item["price"]
    details = {"invoice_item": None, "proration": False, "proration_details": {"credited_items": None}}
    details |= {"subscription": subscription["id"], "subscription_item": item["id"]}
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
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
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": unit,
        },
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subscription": subscription["id"],
        "subtotal": amount,
        "taxes": [],
    }


def net(line: Document) -> int:
    """Return a line's amount after its discounts."""
    return int(line["amount"] - sum(one["amount"] for one in line["discount_amounts"]))


def take_off(lines: list[Document], discounts: list[Document]) -> list[Document]:
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
