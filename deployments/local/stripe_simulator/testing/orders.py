"""Account changes without a call to the API: in the portal, in the dashboard, or by Stripe itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from ..account import Account, Origin
from ..customer import customer_discounts
from ..invoice import invoices
from ..subscription import cancellation, lifecycle, subscription_parameters, subscriptions
from ..subscription.due import ENDED
from ..wire import Document, copy_of, new_id
from . import ageing, bulk

Order = Callable[[Account, Document], Document]
# The portal cancels first and asks for a reason afterwards, so the reason comes seconds later in its own update.
REASON_AFTER = 3
_REASON = ("feedback", "feedback_option", "comment")


class OrderInvalid(Exception):
    """The request to the control API is invalid; the message says how."""


@dataclass(frozen=True)
class _Place:
    """The portal or the dashboard: whether events of changes made there name a request, and an end is set as a date."""

    requests: bool
    signs_by_date: bool


# Events of the portal's changes name no request. With flexible billing the portal sets `cancel_at` to the end of the
# last item's period and not the boolean; the dashboard always sets the boolean.
_PORTAL = _Place(requests=False, signs_by_date=True)
_DASHBOARD = _Place(requests=True, signs_by_date=False)


def portal(account: Account, given: Document) -> Document:
    """Do what a customer does in the portal: cancel, undo, give a reason, accept the retention coupon, and so on."""
    return _press(account, given, _PORTAL)


def dashboard(account: Account, given: Document) -> Document:
    """Do the same as the merchant's staff in the dashboard."""
    return _press(account, given, _DASHBOARD)


def _press(account: Account, given: Document, place: _Place) -> Document:
    _only(given, "subscription", "action", "when", *_REASON, "coupon", "params", "behavior", "resumes_at")
    subscription = account.find("subscription", str(given.get("subscription")))
    if place.requests:
        account.origin = Origin(new_id("req", 14), str(uuid4()))
    match given.get("action"):
        case "cancel":
            return _cancel(account, subscription, given, place)
        case "undo":
            return subscriptions.update(account, _undoing(subscription), subscription["id"])
        case "reason":
            return _give_reason(account, subscription, given)
        case "accept_retention_coupon":
            kept = [{"discount": one} for one in subscription["discounts"]]
            wanted = {"discounts": [*kept, {"coupon": str(given.get("coupon"))}]}
            return subscriptions.update(account, wanted, subscription["id"])
        case "pause" | "resume" | "update":
            return subscriptions.update(account, _updating(subscription, given), subscription["id"])
    raise OrderInvalid("action must be one of cancel, undo, reason, accept_retention_coupon, pause, resume, update")


def _updating(subscription: Document, given: Document) -> Document:
    """Return the parameters of an update: those given, or those that pause or resume the collection of payments."""
    if given["action"] == "update":
        params = given.get("params")
        if not isinstance(params, dict):
            raise OrderInvalid("params are the parameters of POST /v1/subscriptions/{id}, as a JSON object")
    elif given["action"] == "pause":
        pause = {"behavior": given.get("behavior", "void"), "resumes_at": given.get("resumes_at")}
        params = {"pause_collection": {name: value for name, value in pause.items() if value is not None}}
    elif subscription["pause_collection"] is None:
        raise OrderInvalid("the collection of payments is not paused")
    else:
        params = {"pause_collection": None}
    return subscription_parameters.UPDATE(_form(params))


def _form(value: Any) -> Any:
    """Return JSON as form-encoded parameters arrive; null becomes an empty string, which unsets a parameter."""
    match value:
        case dict():
            return {name: _form(below) for name, below in value.items()}
        case list():
            return [_form(below) for below in value]
        case bool():
            return "true" if value else "false"
        case None:
            return ""
    return str(value)


def _cancel(account: Account, subscription: Document, given: Document, place: _Place) -> Document:
    match given.get("when", "period_end"):
        case "immediately":
            after = subscriptions.cancel(account, {}, subscription["id"])
        case "period_end":
            by_date = place.signs_by_date and subscription["billing_mode"]["type"] == "flexible"
            params: Document = {"cancel_at": "max_period_end"} if by_date else {"cancel_at_period_end": True}
            after = subscriptions.update(account, params, subscription["id"])
        case int(moment):
            after = subscriptions.update(account, {"cancel_at": moment}, subscription["id"])
        case _:
            raise OrderInvalid("when must be period_end, immediately or unix seconds")
    if any(given.get(name) for name in _REASON):
        account.moment = account.now(after["test_clock"]) + REASON_AFTER
        after = _give_reason(account, after, given)
    return after


def _give_reason(account: Account, subscription: Document, given: Document) -> Document:
    said = {name: given[name] for name in _REASON if given.get(name)}
    details = cancellation.DETAILS(said, "cancellation_details")
    return subscriptions.update(account, {"cancellation_details": details}, subscription["id"])


def _undoing(subscription: Document) -> Document:
    if subscription["cancel_at_period_end"]:
        return {"cancel_at_period_end": False}
    if subscription["cancel_at"]:
        return {"cancel_at": ""}
    raise OrderInvalid("the subscription is not about to end")


def end(account: Account, given: Document) -> Document:
    """End a subscription as Stripe itself does, such as after a dispute if the account is set so."""
    _only(given, "subscription", "reason", "when")
    before = account.find("subscription", str(given.get("subscription")))
    reason, when = str(given.get("reason", "payment_disputed")), given.get("when", "immediately")
    if before["status"] in ENDED:
        raise OrderInvalid(f"the subscription is {before['status']}")
    if when == "immediately":
        return cancellation.end_now(account, before, reason)
    if when != "period_end":
        raise OrderInvalid("when must be immediately or period_end")
    after = copy_of(before)
    cancellation.apply(after, {"cancel_at_period_end": True}, account.now(before["test_clock"]))
    after["cancellation_details"]["reason"] = reason
    return account.update(before, after, "customer.subscription.updated")


def age(account: Account, given: Document) -> Document:
    """Move an ended subscription into the past, without moving a clock."""
    _only(given, "subscription", "seconds")
    seconds = given.get("seconds")
    if not isinstance(seconds, int) or seconds < 0:
        raise OrderInvalid("seconds must be a whole number of them")
    try:
        return ageing.make_older(account, account.find("subscription", str(given.get("subscription"))), seconds)
    except ageing.StillLives as error:
        raise OrderInvalid(str(error)) from None


def discounts(account: Account, given: Document) -> Document:
    """Apply a coupon to a customer. Since 2025-03-31 the API can only show and delete existing customer discounts."""
    _only(given, "customer", "coupon")
    customer = account.find("customer", str(given.get("customer")))
    return customer_discounts.give(account, customer, str(given.get("coupon")))


def part_payment(account: Account, given: Document) -> Document:
    """Record a partial payment of an open invoice, such as by bank transfer."""
    _only(given, "invoice", "amount")
    invoice, amount = account.find("invoice", str(given.get("invoice"))), given.get("amount")
    if invoice["status"] != "open" or not isinstance(amount, int) or not 0 < amount < invoice["amount_remaining"]:
        raise OrderInvalid("amount is less than what remains of an open invoice, in its smallest unit")
    return invoices.take_part(account, invoice, amount)


def fill(account: Account, given: Document) -> Document:
    """Create many customers with a subscription each, for benchmarks."""
    _only(given, "count", "customer", "subscription")
    count, customer, subscription = given.get("count"), given.get("customer", {}), given.get("subscription", {})
    if not isinstance(count, int) or count < 1:
        raise OrderInvalid("count must be a whole number of customers")
    if not isinstance(customer, dict) or not isinstance(subscription, dict):
        raise OrderInvalid("customer and subscription are parameters as the API takes them")
    bulk.fill(account, count, customer, subscription)
    return {"count": count}


def settings(account: Account, given: Document) -> Document:
    """Read or change the setting for subscriptions whose last payment retry has failed."""
    _only(given, "after_last_retry")
    chosen = given.get("after_last_retry", account.after_last_retry())
    if chosen not in lifecycle.AFTER_LAST_RETRY:
        raise OrderInvalid(f"after_last_retry must be one of {', '.join(lifecycle.AFTER_LAST_RETRY)}")
    account.store.set_setting("after_last_retry", chosen)
    return {"after_last_retry": chosen}


def _only(given: Document, *names: str) -> None:
    unknown = given.keys() - set(names)
    if unknown:
        raise OrderInvalid(f"unknown field: {', '.join(sorted(unknown))}")


ORDERS: dict[str, Order] = {
    "portal": portal,
    "dashboard": dashboard,
    "end": end,
    "age": age,
    "discounts": discounts,
    "part_payment": part_payment,
    "fill": fill,
    "settings": settings,
}


def carry_out(account: Account, order: Order, given: Document) -> Document:
    """Apply everything that is due, then carry out the order."""
    lifecycle.settle(account)
    try:
        done = order(account, given)
        return account.render(done) if "object" in done else done
    finally:
        account.origin, account.moment = Origin(), None
