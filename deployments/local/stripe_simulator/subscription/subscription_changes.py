"""What an update of a subscription bills: prorations, a new billing cycle, or nothing until the renewal.

https://docs.stripe.com/billing/subscriptions/change-price and https://docs.stripe.com/api/subscriptions/update
Not implemented: the proration of a period within which a subscription is to end (`cancel_at`).
"""

from ..account import Account
from ..customer.payment_methods import declined
from ..invoice import prorations, sent_invoices
from ..wire import ApiError, Document
from . import billing

REASON = "subscription_update"


def check_payment_behavior(params: Document) -> None:
    """Raise for the ways to pay that are not implemented: pending updates, and payment by a later confirmation."""
    behavior = params.get("payment_behavior", "allow_incomplete")
    if behavior in ("default_incomplete", "pending_if_incomplete"):
        message = f"The Stripe simulator does not implement 'payment_behavior={behavior}' for updates."
        raise ApiError(message, status=501, kind="api_error", param="payment_behavior", executed=False)


def bill_items(account: Account, before: Document, after: Document, params: Document, now: int) -> None:
    """Bill changed items as `proration_behavior` says; another interval, or a first price, starts a new cycle now."""
    if not prorations.is_billed(before):
        return
    at = prorations.check_date(before, params, now)
    behavior = params.get("proration_behavior", "create_prorations")
    invoice = None
    if starts_over(before, after):
        if behavior != "none":
            prorations.credit(account, before, after, before["items"]["data"], at)
        invoice = billing.start_over(account, after, now, REASON)
    elif behavior != "none" and _prorate(account, before, after, at) and behavior == "always_invoice":
        invoice = billing.bill_live(account, after, [], REASON, now)
    _refuse_unpaid(invoice, params)


def bill_new_trial(account: Account, before: Document, after: Document, params: Document, now: int) -> None:
    """Bill a trial that replaces a paid period: nothing, less the credit for the unused time."""
    if not prorations.is_billed(before):
        return
    at = prorations.check_date(before, params, now)
    if params.get("proration_behavior") != "none":
        prorations.credit(account, before, after, before["items"]["data"], at)
    billing.bill(account, after, after["items"]["data"], REASON, now, free=True)


def bill_end(account: Account, subscription: Document, params: Document, now: int) -> None:
    """Credit the unused time of a subscription that ends now, and invoice what waits, if the parameters say so.

    A credit that is not invoiced stays with the ended subscription: Stripe would put it on the customer's next invoice.
    """
    if params.get("prorate"):
        at = prorations.check_date(subscription, params, now)
        prorations.credit(account, dict(subscription), subscription, subscription["items"]["data"], at)
    if params.get("invoice_now") and subscription["_pending"]:
        billing.bill(account, subscription, [], REASON, now)


def _prorate(account: Account, before: Document, after: Document, at: int) -> list[Document]:
    old, new = before["items"]["data"], after["items"]["data"]
    removed = [item for item in old if _terms(item) not in map(_terms, new)]
    added = [item for item in new if _terms(item) not in map(_terms, old)]
    lines = prorations.credit(account, before, after, removed, at)
    return lines + prorations.charge(account, after, added, at)


def _terms(item: Document) -> tuple[str, str, int]:
    return item["id"], item["price"]["id"], item["quantity"]


def starts_over(before: Document, after: Document) -> bool:
    """Return whether a price has another interval than before, or a free subscription now costs something."""
    old = {item["id"]: billing.interval_of(item["price"]) for item in before["items"]["data"]}
    now = {item["id"]: billing.interval_of(item["price"]) for item in after["items"]["data"]}
    return any(old.get(one, now[one]) != now[one] for one in now) or (_cost(before) == 0 < _cost(after))


def _cost(subscription: Document) -> int:
    return sum(item["price"]["unit_amount"] * item["quantity"] for item in subscription["items"]["data"])


def _refuse_unpaid(invoice: Document | None, params: Document) -> None:
    unpaid = invoice is not None and invoice["status"] == "open" and not sent_invoices.is_sent(invoice)
    if unpaid and params.get("payment_behavior") == "error_if_incomplete":
        raise declined()
