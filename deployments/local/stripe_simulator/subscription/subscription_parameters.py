"""Parameters of the endpoints for subscriptions and their items."""

from ..customer import coupons
from ..parameters import (
    EXPAND,
    PAGE,
    Kind,
    Shape,
    boolean,
    choice,
    emptyable,
    integer,
    list_of,
    metadata,
    text,
    time_range,
    timestamp,
)
from . import billing, cancellation, pausing

_TRIAL_SETTINGS = Shape(
    {
        "end_behavior": Shape(
            {"missing_payment_method": choice("cancel", "create_invoice", "pause")},
            required=("missing_payment_method",),
            lacking="billing_cycle_anchor",
        )
    },
    required=("end_behavior",),
)
_BOTH: dict[str, Kind] = EXPAND | {
    "cancel_at_period_end": boolean,
    "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": integer(0),
    "default_payment_method": emptyable(text()),
    "description": emptyable(text(500)),
    "discounts": coupons.DISCOUNTS,
    "metadata": metadata,
    "off_session": boolean,
    "payment_behavior": choice(
        "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
    ),
    "proration_behavior": choice("always_invoice", "create_prorations", "none"),
    "trial_settings": _TRIAL_SETTINGS,
}
_LACKING = """add_invoice_items application_fee_percent automatic_tax billing_cycle_anchor billing_schedules
billing_thresholds default_source default_tax_rates invoice_settings on_behalf_of payment_settings
pending_invoice_item_interval transfer_data trial_from_plan"""
CREATE = Shape(
    _BOTH
    | {
        "billing_mode": Shape({"type": choice("classic", "flexible")}, ("type",), lacking="flexible"),
        "cancel_at": timestamp(*cancellation.PERIOD_ENDS),
        "currency": text(3),
        "customer": text(),
        "items": list_of(billing.ITEM),
        "trial_end": timestamp("now"),
        "trial_period_days": integer(1, 730),
    },
    required=("customer", "items"),
    lacking=_LACKING + " backdate_start_date billing_cycle_anchor_config customer_account",
)
UPDATE = Shape(
    _BOTH
    | {
        "cancel_at": emptyable(timestamp(*cancellation.PERIOD_ENDS)),
        "cancellation_details": cancellation.DETAILS,
        "items": list_of(billing.ITEM_UPDATE),
        "pause_collection": emptyable(
            Shape(
                {"behavior": choice("keep_as_draft", "mark_uncollectible", "void"), "resumes_at": integer(0)},
                required=("behavior",),
            )
        ),
        "proration_date": integer(0),
        "trial_end": timestamp("now"),
    },
    lacking=_LACKING,
)
PREVIEW = Shape(
    {
        name: UPDATE.fields[name]
        for name in ("cancel_at", "cancel_at_period_end", "items", "proration_behavior", "proration_date", "trial_end")
    }
    | {"cancel_now": boolean, "pause": pausing.PAUSE, "resume_at": choice("now")},
    lacking="billing_cycle_anchor billing_mode billing_schedules default_tax_rates metadata start_date",
)
CANCEL = Shape(EXPAND | {"cancellation_details": cancellation.DETAILS, "invoice_now": boolean, "prorate": boolean})
STATUSES = ("active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid")
LIST = Shape(
    PAGE
    | {
        "collection_method": choice("charge_automatically", "send_invoice"),
        "current_period_end": time_range,
        "current_period_start": time_range,
        "customer": text(),
        "price": text(),
        "status": choice(*STATUSES, "all", "ended"),
        "test_clock": text(),
    },
    lacking="automatic_tax customer_account plan",
)
LIST_ITEMS = Shape(PAGE | {"subscription": text()}, required=("subscription",))
