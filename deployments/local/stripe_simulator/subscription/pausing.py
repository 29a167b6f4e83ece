"""The status `paused`: no periods and no invoices. Pausing only payment collection does not change the status.

https://docs.stripe.com/billing/subscriptions/pause and
https://docs.stripe.com/changelog/endive/2026-09-30/pause-subscription
"""

from ..account import Account
from ..invoice import prorations
from ..parameters import EXPAND, Shape, choice, integer
from ..wire import ApiError, Document, copy_of
from . import billing, cancellation, subscription_changes
from .periods import period_around


def _typed(*types: str) -> Shape:
    return Shape({"type": choice(*types)}, required=("type",))


PAUSE = Shape(
    EXPAND
    | {
        "bill_for": Shape(
            {
                # No effect: the simulator meters nothing.
                "outstanding_usage_through": _typed("none", "now"),
                "unused_time_from": _typed("item_current_period_start", "none", "now"),
            }
        ),
        "invoicing_behavior": choice("invoice", "pending_invoice_item"),
        "type": choice("subscription"),
    }
)
RESUME = Shape(
    EXPAND
    | {
        "billing_cycle_anchor": _typed("now", "unchanged"),
        "payment_behavior": choice("resume_on_payment_attempt", "resume_on_payment_success"),
        "proration_behavior": choice("always_invoice", "create_prorations", "none"),
        "proration_date": integer(0),
    }
)


def pause_collection(subscription: Document, wanted: Document | str, now: int) -> None:
    """Pause or resume the collection of a subscription's invoices, in the given document."""
    subscription["pause_collection"] = {"resumes_at": None} | wanted if isinstance(wanted, dict) else None
    resumes_at = wanted.get("resumes_at") if isinstance(wanted, dict) else None
    if resumes_at is not None and resumes_at <= now:
        message = "Invalid timestamp: must be an integer Unix timestamp in the future."
        raise ApiError(message, param="pause_collection[resumes_at]")


def pause(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/subscriptions/{subscription}/pause. The error messages are not Stripe's own.

    The unused time is credited, by default on the invoice that resumes the subscription.
    """
    before = account.find("subscription", identifier)
    if before["billing_mode"]["type"] != "flexible":
        raise ApiError("You can only pause a subscription whose `billing_mode` is `flexible`.")
    if before["schedule"]:
        raise ApiError(f"You cannot pause a subscription that is managed by a schedule: `{before['schedule']}`.")
    if before["status"] != "active":
        raise ApiError(f"You cannot pause a subscription that is `{before['status']}`.")
    after, now = copy_of(before), account.now(before["test_clock"])
    since = params.get("bill_for", {}).get("unused_time_from", {}).get("type", "now")
    for item in before["items"]["data"] if since != "none" else []:
        prorations.credit(account, before, after, [item], now if since == "now" else item["current_period_start"])
    if params.get("invoicing_behavior") == "invoice" and after["_pending"]:
        billing.bill(account, after, [], subscription_changes.REASON, now)
    billing.enter_pause(after, "pause_requested", now)
    return update(account, before, after)


def resume(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/subscriptions/{subscription}/resume: a paused subscription starts a new period now, or keeps its cycle.

    Not as at Stripe: payment is attempted immediately even with `resume_on_payment_attempt`.
    """
    before = account.find("subscription", identifier)
    if before["status"] != "paused":
        raise ApiError("You can only resume a subscription if it is `paused`.")
    after, now = copy_of(before), account.now(before["test_clock"])
    after |= {"status": "active", "status_details": None}
    if params.get("billing_cycle_anchor", {}).get("type") == "unchanged":
        invoice = _rejoin_cycle(account, after, params, now)
    else:
        invoice = billing.start_over(account, after, now)
    if invoice and invoice["status"] == "open" and after["status"] == "past_due":
        if params.get("payment_behavior") == "resume_on_payment_success":
            message = "The Stripe simulator does not implement a resumption that waits for a failed payment."
            raise ApiError(message, status=501, kind="api_error", param="payment_behavior")
        account.save(invoice | {"next_payment_attempt": None})
    cancellation.follow_period(after)
    return update(account, before, after)


def _rejoin_cycle(account: Account, after: Document, params: Document, now: int) -> Document | None:
    """Put every item into its current period of the unchanged cycle, and charge what is left of that."""
    for item in after["items"]["data"]:
        start, end = period_around(after["billing_cycle_anchor"], item["price"]["recurring"], now)
        item |= {"current_period_start": start, "current_period_end": end}
    at = prorations.check_date(after, params, now)
    behavior = params.get("proration_behavior", "create_prorations")
    if behavior != "none":
        prorations.charge(account, after, after["items"]["data"], at)
    if behavior != "always_invoice":
        return None
    return billing.bill_live(account, after, [], subscription_changes.REASON, now)


def update(account: Account, before: Document, after: Document) -> Document:
    """Write a subscription and emit its update, and the event of a pause that begins or ends."""
    account.update(before, after, "customer.subscription.updated")
    if (before["status"] == "paused") != (after["status"] == "paused"):
        kind = "paused" if after["status"] == "paused" else "resumed"
        account.emit(f"customer.subscription.{kind}", after)
    return after
