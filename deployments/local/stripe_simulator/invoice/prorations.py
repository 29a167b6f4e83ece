"""Prorations: credit for unused time, and a charge for the rest of a period, both to the second.

With flexible billing a credit is part of what was billed for the period; with classic billing, of what the item costs
now (https://docs.stripe.com/billing/subscriptions/billing-mode/compare). A charge includes the running discounts.
Not from Stripe's documentation: amounts are rounded half up, an amount off is prorated like a percentage, a void
invoice billed nothing, and a discount for `once` is used up by an invoice, not by a proration that waits for one.
Not implemented: invoice items as objects, and their events.
"""

from ..account import Account
from ..wire import ApiError, Document
from .invoice_drafts import debit
from .invoice_lines import applying, net, period_line, proration_line, take_off

# Whose changes are billed when they are made: during a trial or a pause nothing is.
_BILLED = ("active", "past_due", "unpaid")


def check_date(subscription: Document, params: Document, now: int) -> int:
    """Return the time from which an update is prorated. The error messages are not Stripe's own."""
    if "proration_date" not in params:
        return now
    if params.get("proration_behavior") == "none":
        raise ApiError("You cannot set `proration_date` with `proration_behavior=none`.", param="proration_date")
    date: int = params["proration_date"]
    items = subscription["items"]["data"]
    if not all(item["current_period_start"] <= date < item["current_period_end"] for item in items):
        raise ApiError("`proration_date` must be within the current period.", param="proration_date")
    return date


def is_billed(subscription: Document) -> bool:
    """Return whether changes of a subscription are billed when they are made."""
    return subscription["status"] in _BILLED


def credit(account: Account, before: Document, after: Document, items: list[Document], at: int) -> list[Document]:
    """Add credits for the unused time of items of a subscription, as it was, to its next invoice; return them."""
    full = dict(zip([item["id"] for item in items], _full_amounts(account, before, items, at), strict=True))
    lines = []
    for item in items if is_billed(before) else []:
        billed = before["_debits"].get(item["id"])
        if before["billing_mode"]["type"] == "classic":
            billed = {"amount": full[item["id"]], "invoice": None, **_period(item)}
        amount = _unused(account, billed, at)
        if amount:
            line = proration_line(account, after, item, -amount, at)
            if billed and billed["invoice"]:
                source = {"invoice": billed["invoice"], "invoice_line_items": [billed["line"]]}
                line["parent"]["subscription_item_details"]["proration_details"] = {"credited_items": source}
            lines.append(line)
        after["_debits"].pop(item["id"], None)
    after["_pending"] = after["_pending"] + lines
    return lines


def charge(account: Account, after: Document, items: list[Document], at: int) -> list[Document]:
    """Add charges for the rest of the items' periods to the next invoice of a subscription; return them."""
    discounts = applying(account, after, at)
    lines = []
    for item, full in zip(items, _full_amounts(account, after, items, at), strict=True):
        if item["current_period_end"] <= at:
            continue
        amount = _part(full, item["current_period_end"] - at, _period(item))
        line = proration_line(account, after, item, amount, at)
        line["discount_amounts"] = [{"amount": 0, "discount": one["id"]} for one in discounts]
        after["_debits"][item["id"]] = debit(line)
        lines.append(line)
    after["_pending"] = after["_pending"] + lines
    return lines


def _full_amounts(account: Account, subscription: Document, items: list[Document], at: int) -> list[int]:
    """Return what a whole period of each item costs with the running discounts."""
    lines = [period_line(account, subscription, item) for item in items]
    take_off(lines, applying(account, subscription, at))
    return [net(line) for line in lines]


def _period(item: Document) -> Document:
    return {"end": item["current_period_end"], "start": item["current_period_start"]}


def _unused(account: Account, billed: Document | None, at: int) -> int:
    if billed is None or billed["end"] <= at:
        return 0
    if billed["invoice"] and account.peek("invoice", billed["invoice"])["status"] == "void":
        return 0
    return _part(billed["amount"], billed["end"] - max(at, billed["start"]), billed)


def _part(amount: int, seconds: int, period: Document) -> int:
    """Return the amount for some seconds of a period, rounded half up."""
    length = period["end"] - period["start"]
    return int((2 * amount * seconds + length) // (2 * length))
