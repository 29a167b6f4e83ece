"""The status `paused`: no periods and no invoices. Pausing only payment collection does not change the status."""

from . import billing
from .account import Account
from .parameters import EXPAND, Shape, choice
from .wire import ApiError, Document, copy_of

# Not implemented: credit for unused paid time, which Stripe grants by default.
PAUSE = Shape(EXPAND | {"type": choice("subscription")}, lacking="bill_for invoicing_behavior")
RESUME = Shape(EXPAND, lacking="billing_cycle_anchor payment_behavior proration_behavior proration_date")


def pause_collection(subscription: Document, wanted: Document | str, now: int) -> None:
    """Pause or resume the collection of a subscription's invoices, in the given document."""
    subscription["pause_collection"] = {"resumes_at": None} | wanted if isinstance(wanted, dict) else None
    resumes_at = wanted.get("resumes_at") if isinstance(wanted, dict) else None
    if resumes_at is not None and resumes_at <= now:
        message = "Invalid timestamp: must be an integer Unix timestamp in the future."
        raise ApiError(message, param="pause_collection[resumes_at]")


def pause(account: Account, _params: Document, identifier: str) -> Document:
    """POST /v1/subscriptions/{subscription}/pause, since 2026-09-30. The error messages are not Stripe's own."""
    before = account.find("subscription", identifier)
    if before["billing_mode"]["type"] != "flexible":
        raise ApiError("You can only pause a subscription whose `billing_mode` is `flexible`.")
    if before["schedule"]:
        raise ApiError(f"You cannot pause a subscription that is managed by a schedule: `{before['schedule']}`.")
    if before["status"] != "active":
        raise ApiError(f"You cannot pause a subscription that is `{before['status']}`.")
    after = copy_of(before)
    billing.enter_pause(after, "pause_requested", account.now(before["test_clock"]))
    return update(account, before, after)


def resume(account: Account, _params: Document, identifier: str) -> Document:
    """POST /v1/subscriptions/{subscription}/resume: a paused subscription starts a new period now."""
    before = account.find("subscription", identifier)
    if before["status"] != "paused":
        raise ApiError("You can only resume a subscription if it is `paused`.")
    after = copy_of(before)
    after["status_details"] = None
    billing.start_over(account, after, account.now(before["test_clock"]))
    if after["status"] != "active":
        raise ApiError("The subscription cannot be resumed without a payment method that can be charged.")
    return update(account, before, after)


def update(account: Account, before: Document, after: Document) -> Document:
    """Write a subscription and emit its update, and the event of a pause that begins or ends."""
    account.update(before, after, "customer.subscription.updated")
    if (before["status"] == "paused") != (after["status"] == "paused"):
        kind = "paused" if after["status"] == "paused" else "resumed"
        account.emit(f"customer.subscription.{kind}", after)
    return after
