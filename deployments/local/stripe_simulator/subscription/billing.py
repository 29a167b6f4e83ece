"""A subscription's items, and its invoices from period to period."""

from ..account import Account
from ..customer import coupons
from ..customer.payment_methods import declined
from ..invoice import invoices, sent_invoices
from ..invoice.invoice_drafts import draw_up
from ..parameters import Shape, boolean, emptyable, integer, metadata, text
from ..wire import ApiError, Document, new_id
from .periods import next_boundary

ITEM = Shape(
    {"price": text(), "quantity": integer(0), "metadata": metadata},
    lacking="billing_thresholds current_trial discounts plan price_data tax_rates",
)
ITEM_UPDATE = Shape(
    ITEM.fields | {"id": text(), "deleted": boolean, "clear_usage": boolean, "metadata": emptyable(metadata)}
)


def recurring_price(account: Account, identifier: str, param: str) -> Document:
    """Return an active recurring price; raises Stripe's error for any other."""
    price = account.find("price", identifier, param, 400)
    if not price["active"]:
        raise ApiError("The price specified is inactive. This field only accepts active prices.", param=param)
    if price["recurring"] is None:
        raise ApiError(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            param=param,
        )
    return price


def plan_of(price: Document) -> Document:
    """Return a price as the `plan` that every item still shows beside it."""
    recurring = price["recurring"]
    same = ("active", "billing_scheme", "created", "currency", "id", "livemode", "metadata", "nickname", "product")
    return {"object": "plan", "amount": price["unit_amount"], "amount_decimal": price["unit_amount_decimal"]} | {
        **{name: price[name] for name in same},
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "meter": recurring["meter"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": recurring["usage_type"],
    }


def new_item(account: Account, subscription: Document, given: Document, index: int, start: int) -> Document:
    """Return an item in its first period; the caller extends that to a trial's end."""
    param = f"items[{index}][price]"
    if "price" not in given:
        raise ApiError(f"Missing required param: {param}.", code="parameter_missing", param=param)
    price = recurring_price(account, given["price"], param)
    item = {
        "id": new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": start,
        "current_period_end": next_boundary(start, price["recurring"], start),
        "current_period_start": start,
        "current_trial": None,
        "discounts": [],
        "metadata": given.get("metadata") or {},
        "plan": plan_of(price),
        "price": price,
        "quantity": given.get("quantity", 1),
        "subscription": subscription["id"],
        "tax_rates": [],
    }
    account.save({"id": item["id"], "object": "subscription_item", "subscription": subscription["id"]})
    return item


def check_items(subscription: Document, items: list[Document]) -> None:
    """Raise Stripe's error for mixed currencies, repeated prices or, with classic billing, mixed intervals."""
    prices = [item["price"] for item in items]
    identifiers = [price["id"] for price in prices]
    twice = next((one for one in identifiers if identifiers.count(one) > 1), None)
    if twice:
        raise ApiError(
            "Cannot create a Subscription with multiple Subscription Items with the same Price: " + twice, param="plan"
        )
    classic = subscription["billing_mode"]["type"] == "classic"
    shared = {(price["currency"], interval_of(price) if classic else None) for price in prices}
    if len(shared) > 1:
        raise ApiError("Currency and interval fields must match across all plans on this subscription.")


def interval_of(price: Document) -> tuple[str, int]:
    """Return a price's billing interval, to compare it."""
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def bill(
    account: Account, subscription: Document, items: list[Document], reason: str, at: int, *, free: bool = False
) -> Document:
    """Invoice these items' periods and try to collect, unless collection is paused."""
    invoice = draw_up(account, subscription, items, reason, at, free=free)
    for item in items:
        item.pop("_previous_start", None)
    subscription["latest_invoice"] = invoice["id"]
    paused = (subscription["pause_collection"] or {}).get("behavior")
    # Further invoices of an unpaid subscription stay drafts: Stripe does not collect them automatically.
    if paused == "keep_as_draft" or subscription["status"] == "unpaid":
        return account.create(invoice | {"auto_advance": False}, "invoice.created")
    invoices.spend_once(account, subscription, invoice)
    final = invoices.issue(account, invoice)
    if paused:
        return invoices.close(account, final, "void" if paused == "void" else "uncollectible", at)
    if sent_invoices.is_sent(final) and final["amount_due"]:
        account.emit("invoice.sent", final)
        return final
    return invoices.collect(account, final, invoices.method_of(account, subscription), at)


def first_invoice(account: Account, subscription: Document, behavior: str, at: int) -> None:
    """Bill a new subscription, and set the resulting status."""
    items = subscription["items"]["data"]
    if subscription["status"] == "trialing":
        bill(account, subscription, items, "subscription_create", at, free=True)
        return
    draft = draw_up(account, subscription, items, "subscription_create", at)
    if draft["amount_due"] == 0 or sent_invoices.is_sent(subscription):
        bill(account, subscription, items, "subscription_create", at)
        return
    method = invoices.method_of(account, subscription)
    if method is None and behavior != "default_incomplete":
        raise _no_method()
    subscription["latest_invoice"] = draft["id"]
    invoices.spend_once(account, subscription, draft)
    invoice = invoices.issue(account, draft)
    if behavior != "default_incomplete":
        invoice = invoices.collect(account, invoice, method, at)
    if invoice["status"] == "paid":
        return
    if behavior == "error_if_incomplete":
        raise declined()
    # The customer has to make the first payment; it is not retried.
    account.save(invoice | {"next_payment_attempt": None})
    subscription["status"] = "incomplete"


def _no_method() -> ApiError:
    return ApiError(
        "This customer has no attached payment source or default payment method. Please consider adding a default "
        "payment method. For more information, visit "
        "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
        code="resource_missing",
    )


def renew(account: Account, subscription: Document, at: int, reason: str = "subscription_cycle") -> Document:
    """Begin the next period of every item whose period ends now, and bill them together."""
    due = []
    for item in subscription["items"]["data"]:
        if item["current_period_end"] <= at:
            start = item["current_period_end"]
            item["_previous_start"] = item["current_period_start"]
            item["current_period_start"] = start
            anchor = subscription["billing_cycle_anchor"]
            item["current_period_end"] = next_boundary(anchor, item["price"]["recurring"], start)
            due.append(item)
    return bill_live(account, subscription, due, reason, at)


def bill_live(account: Account, subscription: Document, items: list[Document], reason: str, at: int) -> Document:
    """Bill a live subscription, and set the resulting status."""
    invoice = bill(account, subscription, items, reason, at)
    if subscription["status"] != "unpaid":
        subscription["status"] = _status_after(subscription, invoice)
    return invoice


def _status_after(subscription: Document, renewal: Document) -> str:
    """Return the status after a renewal or change. An invoice with a due date leaves a `past_due` subscription so:
    only paying the newest invoice helps (https://docs.stripe.com/billing/subscriptions/overview#unpaid-subscriptions).
    """
    if renewal["status"] != "open":
        return "active"
    return "active" if sent_invoices.is_sent(renewal) and subscription["status"] != "past_due" else "past_due"


def end_trial(account: Account, subscription: Document, at: int) -> None:
    """End a trial: start the first paid period, or pause if `trial_settings` say so and there is no payment method."""
    subscription["trial_end"] = at
    if missing_method_behavior(account, subscription) == "pause":
        enter_pause(subscription, "trial_end_without_payment_method", at)
    else:
        start_over(account, subscription, at)


def enter_pause(subscription: Document, why: str, at: int) -> None:
    """Set the status `paused` and its cause in the given document."""
    paused = {"subscription": {"type": why}, "transitioned_at": at, "type": "subscription"}
    subscription |= {"status": "paused", "status_details": {"paused": paused}}


def missing_method_behavior(account: Account, subscription: Document) -> str | None:
    """Return the behaviour at a trial's end without a payment method; None if there is one or none is needed."""
    if sent_invoices.is_sent(subscription) or invoices.method_of(account, subscription):
        return None
    return str(subscription["trial_settings"]["end_behavior"]["missing_payment_method"])


def need_method(account: Account, subscription: Document) -> None:
    """Raise if a trial would be ended by a call but its invoice could not be paid."""
    if missing_method_behavior(account, subscription) == "create_invoice":
        raise _no_method()


def start_over(account: Account, subscription: Document, at: int, reason: str = "subscription_cycle") -> Document:
    """Start a new billing cycle now, and bill it."""
    subscription["billing_cycle_anchor"] = at
    for item in subscription["items"]["data"]:
        item["current_period_end"] = at
    return renew(account, subscription, at, reason)


def set_discounts(account: Account, subscription: Document, wanted: list[Document] | str) -> None:
    """Replace a subscription's discounts with those of a `discounts` parameter."""
    coupons.attach(account, subscription, coupons.resolve(account, subscription, wanted))
