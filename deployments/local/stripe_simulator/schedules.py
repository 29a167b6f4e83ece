"""Subscription schedules: phases laid over a subscription, which then refuses to be cancelled directly."""

from . import billing, cancellation, coupons
from .account import Account
from .parameters import (
    EXPAND,
    PAGE,
    Shape,
    boolean,
    choice,
    integer,
    list_of,
    merged,
    metadata,
    text,
    time_range,
    timestamp,
    within,
)
from .periods import add_periods, next_boundary
from .wire import ApiError, Document, copy_of, fields, new_id

_END_BEHAVIOR = choice("cancel", "release")
_DURATION = Shape(
    {"interval": choice("day", "week", "month", "year"), "interval_count": integer(1)}, required=("interval",)
)
_PHASE = Shape(
    {
        "discounts": coupons.DISCOUNTS,
        "duration": _DURATION,
        "end_date": integer(0),
        "items": list_of(Shape({"price": text(), "quantity": integer(0), "metadata": metadata}, ("price",))),
        "metadata": metadata,
        "proration_behavior": choice("always_invoice", "create_prorations", "none"),
        "start_date": timestamp("now"),
    },
    required=("items",),
    lacking="""add_invoice_items application_fee_percent automatic_tax billing_cycle_anchor billing_thresholds
    collection_method currency default_payment_method default_tax_rates description invoice_settings on_behalf_of
    transfer_data trial trial_end""",
)
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
        "phases": list_of(_PHASE),
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
    phase = _first_phase(subscription)
    schedule = _blank(account, subscription, phase, merged({}, params.get("metadata")))
    account.create(schedule, "subscription_schedule.created")
    account.update(subscription, subscription | {"schedule": schedule["id"]}, "customer.subscription.updated")
    return schedule


def _first_phase(subscription: Document) -> Document:
    items = subscription["items"]["data"]
    given = [{"price": item["price"]["id"], "quantity": item["quantity"]} for item in items]
    phase = _phase({"items": given}, subscription["currency"])
    return phase | {
        "discounts": [{"coupon": None, "discount": one, "promotion_code": None} for one in subscription["discounts"]],
        "end_date": subscription["cancel_at"] or min(item["current_period_end"] for item in items),
        "start_date": min(item["current_period_start"] for item in items),
        "trial_end": subscription["trial_end"] if subscription["status"] == "trialing" else None,
    }


def _phase(given: Document, currency: str) -> Document:
    nothing = fields(
        """application_fee_percent automatic_tax billing_cycle_anchor billing_thresholds collection_method
        default_payment_method default_tax_rates description invoice_settings on_behalf_of transfer_data trial_end
        """
    )
    items = [
        {
            "billing_thresholds": None,
            "discounts": [],
            "metadata": one.get("metadata") or {},
            "plan": one["price"],
            "price": one["price"],
            "quantity": one.get("quantity", 1),
            "tax_rates": [],
        }
        for one in given["items"]
    ]
    entries = given.get("discounts") or []
    return nothing | {
        "add_invoice_items": [],
        "currency": currency,
        "discounts": [dict.fromkeys(("coupon", "discount", "promotion_code")) | one for one in entries],
        "items": items,
        "metadata": given.get("metadata") or {},
        "proration_behavior": given.get("proration_behavior", "create_prorations"),
    }


def _blank(account: Account, subscription: Document, phase: Document, given: dict[str, str]) -> Document:
    settings = fields(
        """application_fee_percent billing_thresholds default_payment_method description on_behalf_of
        transfer_data"""
    )
    issuer = {"account_tax_ids": None, "custom_fields": None, "days_until_due": None, "description": None}
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
            "collection_method": "charge_automatically",
            "invoice_settings": issuer | {"footer": None, "issuer": {"type": "self"}},
        },
        # A subscription that was to end still ends, now by its schedule.
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
            within(schedule[name], params.get(name)) for name in (*_TIMES, "created")
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
    """POST /v1/subscription_schedules/{schedule}: the phases sent replace the old; the current one keeps its start."""
    before = _live(account, identifier, "update", "updated")
    after = before | {"metadata": merged(before["metadata"], params.get("metadata"))}
    after["end_behavior"] = params.get("end_behavior", before["end_behavior"])
    if "phases" in params:
        after["phases"] = _phases(account, before, params["phases"])
        start = before["current_phase"]["start_date"]
        current = next((one for one in after["phases"] if one["start_date"] == start), None)
        if current is None:
            raise ApiError("You can not modify the start date of the current phase.", param="phases[0][start_date]")
        after["current_phase"] = {name: current[name] for name in ("end_date", "start_date")}
    _mark_end(account, after)
    return account.update(before, after, "subscription_schedule.updated")


def _phases(account: Account, schedule: Document, given: list[Document]) -> list[Document]:
    if not given:
        raise ApiError("Missing required param: phases[0].", code="parameter_missing", param="phases[0]")
    now = account.now(schedule["test_clock"])
    start = schedule["phases"][0]["start_date"]
    phases: list[Document] = []
    for index, one in enumerate(given):
        wanted = one.get("start_date", start)
        start = now if wanted == "now" else wanted
        prices = [
            billing.recurring_price(account, item["price"], f"phases[{index}][items][{place}][price]")
            for place, item in enumerate(one["items"])
        ]
        recurring = one.get("duration")
        end = add_periods(start, {"interval_count": 1} | recurring, 1) if recurring else None
        end = one.get("end_date", end) or next_boundary(start, prices[0]["recurring"], start)
        if end <= start:
            raise ApiError("A phase must end after it starts.", param=f"phases[{index}][end_date]")
        phases.append(_phase(one, prices[0]["currency"]) | {"start_date": start, "end_date": end})
        start = end
    return phases


def _mark_end(account: Account, schedule: Document) -> None:
    """A schedule that cancels shows on its subscription as `cancel_at` during its last phase."""
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
    """POST /v1/subscription_schedules/{schedule}/release: the subscription lives on by itself."""
    before = _live(account, identifier, "release", "released")
    return released(account, before, keep_end=params.get("preserve_cancel_date", False))


def released(account: Account, before: Document, *, keep_end: bool = False) -> Document:
    """Let go of the subscription; the end that the schedule gave it goes too, unless it is to stay."""
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


def cancel(account: Account, _params: Document, identifier: str) -> Document:
    """POST /v1/subscription_schedules/{schedule}/cancel: the subscription ends at once."""
    before = _live(account, identifier, "cancel", "canceled")
    cancellation.end_now(account, account.peek("subscription", before["subscription"]))
    return account.peek("subscription_schedule", identifier)


def next_phase(account: Account, schedule: Document, at: int) -> None:
    """The current phase is over: the next begins, or the schedule lets go or ends the subscription."""
    following = [phase for phase in schedule["phases"] if phase["start_date"] >= at]
    if following:
        phase = following[0]
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
        if price["recurring"] != item["price"]["recurring"]:
            after["billing_cycle_anchor"] = at
        items.append(item | {"price": price, "plan": billing.plan_of(price), "quantity": wanted["quantity"]})
    after["items"] = after["items"] | {"data": items, "total_count": len(items)}
    entries = [{name: value for name, value in one.items() if value} for one in phase["discounts"]]
    if entries:
        billing.set_discounts(account, after, entries)
    account.update(before, after, "customer.subscription.updated")
