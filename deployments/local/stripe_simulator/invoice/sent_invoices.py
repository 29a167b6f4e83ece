"""Invoices that customers pay themselves by a due date: `collection_method=send_invoice`."""

from ..account import Account
from ..subscription.periods import DAY
from ..wire import ApiError, Document

SENT = "send_invoice"


def set_terms(account: Account, subscription: Document, params: Document) -> None:
    """Set a subscription's collection method in the given document; open invoices keep their terms.

    The errors for `days_until_due` are the simulator's wording: Stripe's own is not documented.
    """
    method = params.get("collection_method", subscription["collection_method"])
    days = params.get("days_until_due", subscription["days_until_due"])
    if method != SENT:
        if "days_until_due" in params:
            raise ApiError(
                "You may only set `days_until_due` with `collection_method=send_invoice`.", param="days_until_due"
            )
        days = None
    elif days is None:
        raise ApiError("You must set `days_until_due` with `collection_method=send_invoice`.", param="days_until_due")
    elif not account.peek("customer", subscription["customer"])["email"]:
        raise ApiError(
            "Missing email. In order to create invoices that are sent to the customer, the customer must have a valid "
            "email."
        )
    subscription |= {"collection_method": method, "days_until_due": days}


def terms_of(subscription: Document, at: int) -> Document:
    """Return an invoice's collection method and due date."""
    days = subscription["days_until_due"]
    due = None if days is None else at + days * DAY
    return {"collection_method": subscription["collection_method"], "due_date": due}


def is_sent(document: Document) -> bool:
    """Return whether customers pay this subscription or invoice themselves."""
    return bool(document["collection_method"] == SENT)


def become_overdue(account: Account, invoice: Document) -> None:
    """Mark an invoice as overdue: Stripe retries nothing, but the subscription becomes `past_due`."""
    account.save(invoice | {"_overdue": True})
    before = account.peek("subscription", invoice["parent"]["subscription_details"]["subscription"])
    if before["status"] == "active":
        account.update(before, before | {"status": "past_due"}, "customer.subscription.updated")
