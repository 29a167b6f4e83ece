"""Cancellation of subscriptions: immediately, at a date, at the period's end, or undone."""

from ..account import Account
from ..invoice import invoices
from ..parameters import Kind, Shape, choice, emptyable, text
from ..wire import ApiError, Document, one_of

FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
DETAILS: Kind = Shape(
    {"comment": emptyable(text(5000)), "feedback": emptyable(choice(*FEEDBACK)), "feedback_option": text()}
)
# The values of `cancel_at` besides a time.
PERIOD_ENDS = ("min_period_end", "max_period_end", "max_billed_until")


def check_parameters(params: Document) -> None:
    """Raise if both `cancel_at` and `cancel_at_period_end` are sent, whatever their values."""
    both = [name for name in ("cancel_at_period_end", "cancel_at") if name in params]
    if len(both) == 2:
        raise one_of(both)


def refuse_if_scheduled(subscription: Document, params: Document) -> None:
    """Raise if the update would change an end that a schedule controls."""
    if subscription["schedule"] and ("cancel_at" in params or "cancel_at_period_end" in params):
        raise ApiError(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating any "
            "cancelation behavior directly is not allowed. Please update the schedule instead."
        )


def apply(subscription: Document, params: Document, now: int) -> None:
    """Schedule or undo a cancellation and store its details, in the given document."""
    if "cancellation_details" in params:
        given = {name: value or None for name, value in params["cancellation_details"].items()}
        subscription["cancellation_details"] = subscription["cancellation_details"] | given
    at_period_end = params.get("cancel_at_period_end")
    if at_period_end and not subscription["cancel_at_period_end"]:
        _schedule(subscription, _period_end(subscription, "min_period_end"), now, at_period_end=True)
    elif at_period_end is False and subscription["cancel_at_period_end"]:
        undo(subscription)
    if params.get("cancel_at") == "":
        undo(subscription)
    elif "cancel_at" in params:
        end = _period_end(subscription, params["cancel_at"])
        if end <= now:
            raise ApiError("`cancel_at` must be a timestamp in the future.", param="cancel_at")
        _schedule(subscription, end, now, at_period_end=False)


def follow_period(subscription: Document) -> None:
    """Move an end with the period to the end of a period that has changed, in the given document."""
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = _period_end(subscription, "min_period_end")


def _period_end(subscription: Document, wanted: int | str) -> int:
    if isinstance(wanted, int):
        return wanted
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    return int(min(ends) if wanted == "min_period_end" else max(ends))


def _schedule(subscription: Document, end: int, now: int, *, at_period_end: bool) -> None:
    subscription["cancel_at"] = end
    subscription["cancel_at_period_end"] = at_period_end
    subscription["canceled_at"] = now
    reason = {"reason": "cancellation_requested"}
    subscription["cancellation_details"] = subscription["cancellation_details"] | reason


def undo(subscription: Document) -> None:
    """Undo a scheduled cancellation; the customer's feedback stays."""
    subscription["cancel_at"] = None
    subscription["cancel_at_period_end"] = False
    subscription["canceled_at"] = None
    subscription["cancellation_details"] = subscription["cancellation_details"] | {"reason": None}


def end(account: Account, before: Document, *, at: int, reason: str | None = None) -> Document:
    """End a subscription and emit `customer.subscription.deleted`; without `reason`, keep the recorded one."""
    reason = reason or before["cancellation_details"]["reason"] or "cancellation_requested"
    ended = before | {
        "canceled_at": before["canceled_at"] or at,
        "cancellation_details": before["cancellation_details"] | {"reason": reason},
        "ended_at": at,
        "status": "canceled",
    }
    account.save(ended)
    close_schedule(account, ended, at)
    invoices.stop_collecting(account, ended)
    account.emit("customer.subscription.deleted", ended)
    return ended


def close_schedule(account: Account, subscription: Document, at: int) -> None:
    """End the schedule of a subscription that has ended."""
    before = account.store.get("subscription_schedule", subscription["schedule"] or "")
    if before is None or before["status"] != "active":
        return
    complete = before["end_behavior"] == "cancel" and before["phases"][-1]["end_date"] <= at
    name, status = ("completed_at", "completed") if complete else ("canceled_at", "canceled")
    after = before | {"current_phase": None, name: at, "status": status}
    account.save(after)
    account.emit(f"subscription_schedule.{status}", after)


def end_now(account: Account, before: Document, reason: str = "cancellation_requested") -> Document:
    """End a subscription immediately, instead of at a scheduled end."""
    at = account.now(before["test_clock"])
    if before["status"] == "incomplete":
        invoice = account.peek("invoice", before["latest_invoice"])
        invoices.close(account, invoice, "void", at)
    return end(
        account, before | {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": at}, at=at, reason=reason
    )
