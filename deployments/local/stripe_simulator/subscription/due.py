"""When time next changes an object; `lifecycle` applies the change."""

from collections.abc import Callable

from ..wire import Document
from .periods import DAY

ENDED = ("canceled", "incomplete_expired")

INCOMPLETE_SECONDS = 23 * 3600  # how long Stripe waits for a first payment
TRIAL_NOTICE_SECONDS = 3 * DAY  # how long before a trial's end Stripe announces it


def _subscription(document: Document) -> int | None:
    status = document["status"]
    if status in ENDED:
        return None
    if status == "incomplete":
        return int(document["created"]) + INCOMPLETE_SECONDS
    times = [*document["_discount_ends"].values(), document["cancel_at"]]
    times.append((document["pause_collection"] or {}).get("resumes_at"))
    if status == "trialing" and not document["_trial_notice"]:
        times.append(max(document["trial_end"] - TRIAL_NOTICE_SECONDS, document["trial_start"]))
    # A paused subscription has no period ends, so its cancellation never takes effect.
    if status == "paused":
        times = list(document["_discount_ends"].values())
    else:
        times += [item["current_period_end"] for item in document["items"]["data"]]
    return min((moment for moment in times if moment is not None), default=None)


def _schedule(document: Document) -> int | None:
    return document["current_phase"]["end_date"] if document["status"] == "active" else None


def _invoice(document: Document) -> int | None:
    if document["status"] != "open" or document.get("_overdue"):
        return None
    when: int | None = document["next_payment_attempt"] or document["due_date"]
    return when


def _customer(document: Document) -> int | None:
    return document["discount"]["end"] if document["discount"] and not document.get("_deleted") else None


_BY_KIND: dict[str, Callable[[Document], int | None]] = {
    "subscription": _subscription,
    "subscription_schedule": _schedule,
    "customer": _customer,
    "invoice": _invoice,
}


def due_at(document: Document) -> int | None:
    """Return Unix seconds by the object's own clock, or None if time does not change it."""
    when = _BY_KIND.get(document["object"])
    return when(document) if when else None
