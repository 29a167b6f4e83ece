"""The endpoints for subscriptions."""

from ..account import Account
from ..customer import payment_methods
from ..invoice import sent_invoices
from ..parameters import merged, within
from ..store import Column
from ..wire import ApiError, Document, copy_of, fields, new_id, no_such, one_of
from . import billing, cancellation, feedback_options, pausing, subscription_changes, subscription_items
from .due import ENDED
from .periods import DAY
from .subscription_parameters import STATUSES

# The parameters that may change after a subscription has ended, and before it has begun.
_ENDED_MAY_CHANGE = {"cancellation_details", "metadata", "expand"}
_INCOMPLETE_MAY_CHANGE = {"default_payment_method", "description", "metadata", "expand"}


def create(account: Account, params: Document) -> Document:
    """POST /v1/subscriptions."""
    cancellation.check_parameters(params)
    if "trial_end" in params and "trial_period_days" in params:
        raise one_of(("trial_end", "trial_period_days"))
    behavior = params.get("payment_behavior", "allow_incomplete")
    if behavior == "pending_if_incomplete":
        message = "Setting `payment_behavior` to `pending_if_incomplete` has no effect when creating a subscription."
        raise ApiError(message, param="payment_behavior", executed=False)
    customer = account.find("customer", params["customer"], "customer")
    now = account.now(customer["test_clock"])
    subscription = _blank(account, customer, params, now)
    sent_invoices.set_terms(account, subscription, params)
    _fill_items(account, subscription, params["items"], now)
    _begin_trial(subscription, params, now)
    if "default_payment_method" in params:
        method = payment_methods.usable(account, customer, params["default_payment_method"], "default_payment_method")
        subscription["default_payment_method"] = method["id"]
    billing.set_discounts(account, subscription, params.get("discounts", []))
    cancellation.apply(subscription, params, now)
    account.save(subscription)
    billing.first_invoice(account, subscription, behavior, now)
    if customer["currency"] is None:
        account.save(account.peek("customer", customer["id"]) | {"currency": subscription["currency"]})
    return account.create(subscription, "customer.subscription.created")


def _blank(account: Account, customer: Document, params: Document, now: int) -> Document:
    nothing = fields(
        """application application_fee_percent billing_cycle_anchor_config billing_thresholds cancel_at canceled_at
        customer_account days_until_due default_payment_method default_source ended_at latest_invoice managed_payments
        next_pending_invoice_item_invoice on_behalf_of pause_collection pending_invoice_item_interval
        pending_setup_intent pending_update schedule status_details transfer_data trial_end trial_start"""
    )
    mode = params.get("billing_mode", {"type": "flexible"})["type"]
    flexible = {"proration_discounts": "included"} if mode == "flexible" else None
    ends = {"billing_cycle_anchor": None, "missing_payment_method": "create_invoice"}
    ends |= params.get("trial_settings", {}).get("end_behavior", {})
    identifier = new_id("sub")
    return {
        "id": identifier,
        "object": "subscription",
        **nothing,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_mode": {"flexible": flexible, "type": mode, "updated_at": now if flexible else None},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "feedback_option": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": "usd",
        "customer": customer["id"],
        "default_tax_rates": [],
        "description": params.get("description") or None,
        "discounts": [],
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "items": {
            "object": "list",
            "data": [],
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/subscription_items?subscription={identifier}",
        },
        "livemode": False,
        "metadata": merged({}, params.get("metadata")),
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "start_date": now,
        "status": "active",
        "test_clock": customer["test_clock"],
        "trial_settings": {"end_behavior": ends},
        "_debits": {},
        "_discount_ends": {},
        "_pending": [],
        "_trial_notice": False,
    }


def _fill_items(account: Account, subscription: Document, given: list[Document], now: int) -> None:
    items = [billing.new_item(account, subscription, one, index, now) for index, one in enumerate(given)]
    billing.check_items(subscription, items)
    subscription["items"] = subscription["items"] | {"data": items, "total_count": len(items)}
    subscription["currency"] = items[0]["price"]["currency"]


def _begin_trial(subscription: Document, params: Document, now: int) -> None:
    end = params.get("trial_end")
    if "trial_period_days" in params:
        end = now + params["trial_period_days"] * DAY
    if end is None or end == "now":
        return
    if end <= now:
        raise ApiError("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    if subscription["status"] != "trialing":
        subscription["trial_start"] = now
        for item in subscription["items"]["data"]:
            item["current_period_start"] = now
    subscription |= {"status": "trialing", "trial_end": end, "billing_cycle_anchor": end}
    for item in subscription["items"]["data"]:
        item["current_period_end"] = end


def retrieve(account: Account, _params: Document, identifier: str) -> Document:
    """GET /v1/subscriptions/{subscription}."""
    return account.find("subscription", identifier)


def update(account: Account, params: Document, identifier: str) -> Document:
    """POST /v1/subscriptions/{subscription}."""
    cancellation.check_parameters(params)
    before = account.find("subscription", identifier)
    _refuse_by_status(before, params)
    cancellation.refuse_if_scheduled(before, params)
    feedback_options.check(account, params)
    subscription_changes.check_payment_behavior(params)
    after = copy_of(before)
    now = account.now(before["test_clock"])
    _change_plain(account, after, params)
    if "pause_collection" in params:
        pausing.pause_collection(after, params["pause_collection"], now)
    if "discounts" in params:
        billing.set_discounts(account, after, params["discounts"])
    if "items" in params:
        subscription_items.change(account, after, params["items"], now)
    if "trial_end" in params and (params["trial_end"] != "now" or before["status"] == "trialing"):
        _change_trial(account, before, after, params, now)
    elif "items" in params:
        subscription_changes.bill_items(account, before, after, params, now)
    cancellation.follow_period(after)
    cancellation.apply(after, params, now)
    return pausing.update(account, before, after)


def _refuse_by_status(subscription: Document, params: Document) -> None:
    status = subscription["status"]
    if status == "canceled" and params.keys() - _ENDED_MAY_CHANGE:
        raise ApiError(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="invalid_canceled_subscription_fields",
        )
    if status in ("incomplete", "incomplete_expired") and params.keys() - _INCOMPLETE_MAY_CHANGE:
        refused = sorted(params.keys() - _INCOMPLETE_MAY_CHANGE)[0]
        raise ApiError(
            f"This subscription cannot be updated in this way while its status is `{status}`. Only "
            "default_payment_method, description and metadata can be updated.",
            param=refused,
        )


def _change_plain(account: Account, after: Document, params: Document) -> None:
    after["metadata"] = merged(after["metadata"], params.get("metadata"))
    if "collection_method" in params or "days_until_due" in params:
        sent_invoices.set_terms(account, after, params)
    if "description" in params:
        after["description"] = params["description"] or None
    if "trial_settings" in params:
        after["trial_settings"]["end_behavior"] |= params["trial_settings"]["end_behavior"]
    chosen = params.get("default_payment_method")
    if chosen == "":
        after["default_payment_method"] = None
    elif chosen is not None:
        customer = account.peek("customer", after["customer"])
        method = payment_methods.usable(account, customer, chosen, "default_payment_method")
        after["default_payment_method"] = method["id"]


def _change_trial(account: Account, before: Document, after: Document, params: Document, now: int) -> None:
    if params["trial_end"] != "now":
        _begin_trial(after, params, now)
        after["_trial_notice"] = False
        subscription_changes.bill_new_trial(account, before, after, params, now)
    else:
        billing.need_method(account, after)
        billing.end_trial(account, after, now)


def cancel(account: Account, params: Document, identifier: str) -> Document:
    """DELETE /v1/subscriptions/{subscription}: ends it immediately, with `prorate` and `invoice_now` as they say."""
    before = account.find("subscription", identifier)
    if before["status"] in ENDED:
        raise no_such("subscription", identifier)
    feedback_options.check(account, params)
    subscription_changes.bill_end(account, before, params, account.now(before["test_clock"]))
    cancellation.apply(before, {name: params[name] for name in params if name == "cancellation_details"}, 0)
    return cancellation.end_now(account, before)


def list_all(account: Account, params: Document) -> Document:
    """GET /v1/subscriptions: canceled ones only on request; those on test clocks only by customer or clock."""
    if "customer" in params:
        account.find("customer", params["customer"], "customer", 400)

    def matches(subscription: Document) -> bool:
        items = subscription["items"]["data"]
        bounds = ("current_period_end", "current_period_start")
        method = subscription["collection_method"]
        return (
            params.get("collection_method", method) == method
            and ("price" not in params or any(item["price"]["id"] == params["price"] for item in items))
            and all(any(within(item[name], params.get(name)) for item in items) for name in bounds)
        )

    columns = {"customer": params.get("customer"), "status": _statuses(params.get("status"))}
    clock = params.get("test_clock", None if "customer" in params else "")
    return account.page("subscription", "/v1/subscriptions", params, matches, clock=clock, **columns)


def _statuses(wanted: str | None) -> Column:
    """Return the statuses that a list's `status` selects; None for any."""
    if wanted is None:
        return [one for one in STATUSES if one != "canceled"]
    return {"all": None, "ended": ENDED}.get(wanted, [wanted])
