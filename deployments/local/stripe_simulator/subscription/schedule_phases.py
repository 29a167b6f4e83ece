"""The phases of a schedule: what each changes on the subscription, and their start and end."""

from ..account import Account
from ..customer import coupons
from ..parameters import Kind, Shape, choice, integer, list_of, metadata, text, timestamp
from ..wire import ApiError, Document, fields
from . import billing
from .periods import add_periods, next_boundary

_DURATION = Shape(
    {"interval": choice("day", "week", "month", "year"), "interval_count": integer(1)}, required=("interval",)
)
PHASE: Kind = Shape(
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


def first_phase(subscription: Document) -> Document:
    """Return a subscription's current period as a phase."""
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
        """application_fee_percent billing_cycle_anchor billing_thresholds collection_method default_payment_method
        default_tax_rates description invoice_settings on_behalf_of transfer_data trial_end"""
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


def read_phases(account: Account, schedule: Document, given: list[Document]) -> list[Document]:
    """Return the phases of a `phases` parameter, each starting where the previous one ends."""
    if not given:
        raise ApiError("Missing required param: phases[0].", code="parameter_missing", param="phases[0]")
    start = schedule["phases"][0]["start_date"]
    phases: list[Document] = []
    for index, one in enumerate(given):
        phases.append(_read(account, schedule, one, f"phases[{index}]", start))
        start = phases[-1]["end_date"]
    return phases


def _read(account: Account, schedule: Document, given: Document, name: str, follows: int) -> Document:
    prices = [
        billing.recurring_price(account, item["price"], f"{name}[items][{place}][price]")
        for place, item in enumerate(given["items"])
    ]
    subscription = account.peek("subscription", schedule["subscription"])
    coupons.resolve(account, subscription, given.get("discounts", []), f"{name}[discounts]")
    start = given.get("start_date", follows)
    if start == "now":
        start = account.now(schedule["test_clock"])
    end = given.get("end_date")
    if "duration" in given:
        end = add_periods(start, {"interval_count": 1} | given["duration"], 1)
    end = end or next_boundary(start, prices[0]["recurring"], start)
    if end <= start:
        raise ApiError("A phase must end after it starts.", param=f"{name}[end_date]")
    return _phase(given, prices[0]["currency"]) | {"start_date": start, "end_date": end}
