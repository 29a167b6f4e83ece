"""Subscription schedules: phases applied to a subscription, which can then no longer be cancelled directly."""

import contextlib

from ..account import Account
from ..parameters import EXPAND, PAGE, Shape, boolean, choice, list_of, merged, metadata, text, time_range, within
from ..wire import ApiError, Document, copy_of, fields, new_id
from . import billing, cancellation, subscription_changes
from .schedule_phases import PHASE, first_phase, read_phases

_END_BEHAVIOR = choice("cancel", "release")
CREATE = Shape(
    EXPAND | {"from_subscription": text(), "metadata": metadata},
    required=("from_subscription",),
    lacking="billing_mode customer customer_account default_settings end_behavior pause_schedules phases start_date",
)
UPDATE = Shape(
    EXPAND
    | {
        "end_behavior": _END_BEHAVIOR,
        "metadata": metadata,
        "phases": list_of(PHASE),
        "proration_behavior": choice("always_invoice", "create_prorations", "none"),
    },
    lacking="default_settings pause_schedules",
)
RELEASE = Shape(EXPAND | {"preserve_cancel_date": boolean})
CANCEL = Shape(EXPAND | {"invoice_now": boolean, "prorate": boolean})
_TIMES = ("canceled_at", "completed_at", "released_at")
LIST = Shape(
    PAGE | {"customer": text(), "scheduled": boolean} | dict.fromkeys(_TIMES, time_range), lacking="customer_account"
)


def create(account: Account, params: Document) -> Document:
    """POST /v1/subscription_schedules, from a subscription: its current period becomes the first phase."""
    subscription = account.find("subscription", params["from_subscription"], "from_subscription", 400)
    if subscription["schedule"]:
        raise ApiError(
            f"You cannot migrate a subscription that is already attached to a schedule: `{subscription['schedule']}`.",
            param="from_subscription",
        )
    if subscription["status"] not in ("active", "trialing", "past_due"):
        message = f"You cannot migrate a subscription that is in the `{subscription['status']}` status."
        raise ApiError(message, param="from_subscription")
    phase = first_phase(subscription)
    schedule = _blank(account, subscription, phase, merged({}, params.get("metadata")))
    account.create(schedule, "subscription_schedule.created")
    account.update(subscription, subscription | {"schedule": schedule["id"]}, "customer.subscription.updated")
    return schedule


def _blank(account: Account, subscription: Document, phase: Document, given: dict[str, str]) -> Document:
    settings = fields(
        """application_fee_percent billing_thresholds default_payment_method description on_behalf_of
        transfer_data"""
    )
    issuer = fields("account_tax_ids custom_fields description") | {"days_until_due": subscription["days_until_due"]}
    return {
        "id": new_id("sub_sched"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": subscription["billing_mode"],
        "canceled_at": None,
        "completed_at": None,
        "created": account.now(subscription["test_clock"]),
        "current_phase": {name: phase[name] for name in ("end_date", "start_date")},
        "customer": subscription["customer"],
        "customer_account": None,
        "default_settings": settings
        | {
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "collection_method": subscription["collection_method"],
            "invoice_settings": issuer | {"footer": None, "issuer": {"type": "self"}},
        },
        # A subscription with a scheduled end still ends, now through its schedule.
        "end_behavior": "cancel" if subscription["cancel_at"] else "release",
        "livemode": False,
        "metadata": given,
        "pause_schedules": [],
        "phases": [phase],
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": subscription["test_clock"],
    }


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/subscription_schedules/{schedule}."""
    return account.find("subscription_schedule", identifier, "schedule")


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/subscription_schedules."""

    def matches(schedule: Document) -> bool:
        waiting = schedule["status"] == "not_started"
        return ("scheduled" not in params or waiting == params["scheduled"]) and all(
            within(schedule[name], params.get(name)) for name in _TIMES
        )

    url = "/v1/subscription_schedules"
    return account.page("subscription_schedule", url, params, matches, customer=params.get("customer"))


def _live(account: Account, identifier: str, verb: str, done: str) -> Document:
    schedule = account.find("subscription_schedule", identifier, "schedule")
    if schedule["status"] not in ("not_started", "active"):
        raise ApiError(
            f"You cannot {verb} a subscription schedule that is currently in the `{schedule['status']}` status. "
            f"It must be in `not_started, active` status to be {done}."
        )
    return schedule


def update(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/subscription_schedules/{schedule}: the phases sent replace the old; the current one keeps its start.

    A change of the current phase changes the subscription now, with prorations as `proration_behavior` says.
    """
    before = _live(account, identifier, "update", "updated")
    after = before | {"metadata": merged(before["metadata"], params.get("metadata"))}
    after["end_behavior"] = params.get("end_behavior", before["end_behavior"])
    if "phases" in params:
        after["phases"] = read_phases(account, before, params["phases"])
        start = before["current_phase"]["start_date"]
        current = next((one for one in after["phases"] if one["start_date"] == start), None)
        if current is None:
            raise ApiError("You can not modify the start date of the current phase.", param="phases[0][start_date]")
        after["current_phase"] = {name: current[name] for name in ("end_date", "start_date")}
        old = next(one for one in before["phases"] if one["start_date"] == start)
        if any(old[name] != current[name] for name in ("discounts", "items")):
            behavior = params.get("proration_behavior", "create_prorations")
            _enter(account, before, current | {"proration_behavior": behavior}, account.now(before["test_clock"]))
    _mark_end(account, after)
    return account.update(before, after, "subscription_schedule.updated")


def _mark_end(account: Account, schedule: Document) -> None:
    """Set `cancel_at` on the subscription during the last phase of a schedule that cancels."""
    before = account.peek("subscription", schedule["subscription"])
    last = schedule["current_phase"]["end_date"] == schedule["phases"][-1]["end_date"]
    after = copy_of(before)
    if schedule["end_behavior"] == "cancel" and last:
        now = account.now(schedule["test_clock"])
        after |= {"cancel_at": schedule["current_phase"]["end_date"], "canceled_at": before["canceled_at"] or now}
    elif before["cancel_at"]:
        cancellation.undo(after)
    account.update(before, after, "customer.subscription.updated")


def release(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/subscription_schedules/{schedule}/release: the subscription continues without the schedule."""
    before = _live(account, identifier, "release", "released")
    return released(account, before, keep_end=params.get("preserve_cancel_date", False))


def released(account: Account, before: Document, *, keep_end: bool = False) -> Document:
    """Detach the schedule from its subscription, and remove the end that it set unless `keep_end`."""
    subscription = account.peek("subscription", before["subscription"])
    freed = subscription | {"schedule": None}
    if subscription["cancel_at"] and not keep_end:
        cancellation.undo(freed)
    account.update(subscription, freed, "customer.subscription.updated")
    after = before | {
        "current_phase": None,
        "released_at": account.now(before["test_clock"]),
        "released_subscription": before["subscription"],
        "status": "released",
        "subscription": None,
    }
    account.update(before, after, "subscription_schedule.updated")
    account.emit("subscription_schedule.released", after)
    return after


def cancel(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/subscription_schedules/{schedule}/cancel: the subscription ends immediately, by default with credit."""
    before = _live(account, identifier, "cancel", "canceled")
    subscription = account.peek("subscription", before["subscription"])
    terms = {"invoice_now": True, "prorate": True} | params
    subscription_changes.bill_end(account, subscription, terms, account.now(before["test_clock"]))
    cancellation.end_now(account, subscription)
    return account.peek("subscription_schedule", identifier)


def next_phase(account: Account, schedule: Document, at: int) -> None:
    """End the current phase: start the next one, or release or end the subscription."""
    following = [phase for phase in schedule["phases"] if phase["start_date"] >= at]
    if following:
        phase = following[0]
        # If a price or coupon has been archived since, the phase starts without its change.
        with contextlib.suppress(ApiError):
            _enter(account, schedule, phase, at)
        after = schedule | {"current_phase": {name: phase[name] for name in ("end_date", "start_date")}}
        account.update(schedule, after, "subscription_schedule.updated")
        _mark_end(account, after)
    elif schedule["end_behavior"] == "release":
        released(account, schedule)
    else:
        subscription = account.peek("subscription", schedule["subscription"])
        cancellation.end(account, subscription, at=at)


def _enter(account: Account, schedule: Document, phase: Document, at: int) -> None:
    before = account.peek("subscription", schedule["subscription"])
    after = copy_of(before)
    old = after["items"]["data"]
    items = []
    for index, wanted in enumerate(phase["items"]):
        item = old[index] if index < len(old) else billing.new_item(account, after, wanted, index, at)
        price = account.peek("price", wanted["price"])
        items.append(item | {"price": price, "plan": billing.plan_of(price), "quantity": wanted["quantity"]})
    after["items"] = after["items"] | {"data": items, "total_count": len(items)}
    billing.set_discounts(account, after, _discounts_of(account, before, phase))
    if min(item["current_period_end"] for item in before["items"]["data"]) > at:
        subscription_changes.bill_items(account, before, after, {"proration_behavior": phase["proration_behavior"]}, at)
    elif subscription_changes.starts_over(before, after):
        after["billing_cycle_anchor"] = at  # the renewal, which is due too, bills the new cycle
    account.update(before, after, "customer.subscription.updated")


def _discounts_of(account: Account, subscription: Document, phase: Document) -> list[Document]:
    """Return the `discounts` of a phase, without those that have ended since. A phase that names none has none."""
    own = account.peek("customer", subscription["customer"])["discount"]
    held = [*subscription["discounts"], *([own["id"]] if own else [])]
    entries = [{name: value for name, value in one.items() if value} for one in phase["discounts"]]
    return [one for one in entries if "discount" not in one or one["discount"] in held]
