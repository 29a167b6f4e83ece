"""A preview of a subscription's next invoice."""

from . import coupons
from .account import Account
from .due import ENDED
from .invoice_drafts import draw_up
from .parameters import EXPAND, Shape, choice, text
from .periods import next_boundary
from .wire import ApiError, Document, copy_of

CREATE = Shape(
    EXPAND
    | {
        "customer": text(),
        "discounts": coupons.DISCOUNTS,
        "preview_mode": choice("next", "recurring"),
        "subscription": text(),
    },
    required=("subscription",),
    lacking="""automatic_tax currency customer_account customer_details invoice_items issuer on_behalf_of schedule
    schedule_details subscription_details""",
)


def create(account: Account, params: Document) -> Document:
    """POST /v1/invoices/create_preview: `discounts` replace those of the subscription."""
    subscription = copy_of(account.find("subscription", params["subscription"], "subscription"))
    at = min(item["current_period_end"] for item in subscription["items"]["data"])
    ends = subscription["cancel_at"] is not None and subscription["cancel_at"] <= at
    if subscription["status"] in (*ENDED, "incomplete", "paused") or ends:
        raise _none(subscription)
    discounts = [account.peek("discount", one) for one in subscription["discounts"]]
    if "discounts" in params:
        discounts = coupons.resolve(account, subscription, params["discounts"])
        for discount in discounts:
            account.save(discount)
    subscription["discounts"] = [one["id"] for one in discounts]
    due = [item for item in subscription["items"]["data"] if item["current_period_end"] == at]
    for item in due:
        item["_previous_start"] = item["current_period_start"]
        item["current_period_start"] = at
        item["current_period_end"] = next_boundary(subscription["billing_cycle_anchor"], item["price"]["recurring"], at)
    invoice = draw_up(account, subscription, due, "upcoming", at)
    return invoice | {
        "id": invoice["id"].replace("in_", "upcoming_in_"),
        "next_payment_attempt": None if invoice["due_date"] else at,
    }


def _none(subscription: Document) -> ApiError:
    return ApiError(
        f"No upcoming invoices for customer: {subscription['customer']}",
        status=404,
        code="invoice_upcoming_none",
    )
