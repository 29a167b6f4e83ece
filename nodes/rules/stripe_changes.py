"""Rules for Stripe's events: which of them matter, and what to do, given the subscription's current state in Stripe.

Events arrive twice, late and out of order, so an event only triggers a read; the state that is read decides.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from nodes.rules.statuses import is_live


class Change(Enum):
    """The change that an event may report, by its type and the names of the changed fields."""

    BEGINS = "begins"  # an end was set where there was none
    DECISION = "decision"  # an end was cleared, or its date moved
    STATUS = "status"
    REASON = "reason"
    DISCOUNT = "discount"
    PAUSE = "pause"  # the collection of payments was paused or resumed
    TRIAL = "trial"  # the trial was extended
    PRICE = "price"  # an item has another price
    END = "end"
    NEW_CUSTOMER = "new customer"
    NEW_SUBSCRIPTION = "new subscription"
    CUSTOMER = "customer"  # a field that a user's row copies changed
    TERMS = "terms"  # a subscription's price, period or user changed
    OTHER = "other"  # irrelevant


class EventOutcome(Enum):
    """The outcome for a subscription, by its current state in Stripe and what was announced before."""

    NOTHING = "nothing"
    LEAVES = "cancellation"
    LEFT = "cancelled immediately"  # it has ended, and no cancellation was announced here
    MOVED = "date moved"
    SAYS_WHY = "reason"
    COMES_BACK = "reactivation"
    ENDED = "end"
    DISCOUNTED = "discount"
    CHANGED = "change"  # a pause, its end, a longer trial or another price that was made in Stripe


# Stripe's reasons for an end, and the kinds of end here.
KINDS = {
    "cancellation_requested": "voluntary",
    "payment_failed": "payment_failed",
    "payment_disputed": "payment_disputed",
    "canceled_by_retention_policy": "neutral",
}
# These only create or update rows that are copies of Stripe's objects; nothing is announced.
COPIES = (Change.NEW_CUSTOMER, Change.NEW_SUBSCRIPTION, Change.CUSTOMER, Change.TERMS)
# Seconds before such an event is handled: a company that creates objects in Stripe and fills our tables itself has
# done so by then, and a subscription's event also copies its customer.
PATIENCE = {Change.NEW_SUBSCRIPTION: 2.0, Change.NEW_CUSTOMER: 5.0}
_SIGNS = ("cancel_at_period_end", "cancel_at")
_TERMS = ("items", "plan", "current_period_start", "current_period_end")
_OF_A_USER = ("email", "name", "preferred_locales", "address")
UPDATED = ("customer.subscription.updated", "customer.updated")
OTHERS = {
    "customer.created": Change.NEW_CUSTOMER,
    "customer.subscription.created": Change.NEW_SUBSCRIPTION,
    "customer.subscription.deleted": Change.END,
    "customer.deleted": Change.END,
    "customer.subscription.paused": Change.STATUS,
    "customer.subscription.resumed": Change.STATUS,
    "customer.discount.created": Change.DISCOUNT,
    "customer.discount.updated": Change.DISCOUNT,
    "customer.discount.deleted": Change.DISCOUNT,
}


def change_of(kind: str, previous: Mapping[str, Any], user_key: str, current: Mapping[str, Any]) -> Change:
    """Return the change, from the event's type, its `previous_attributes` and its object (FEATURES N01).

    A missing key did not change: a cancellation begins only if its field is present and was false or null.
    `user_key`: the metadata key that names the user.
    """
    renamed = user_key in (previous.get("metadata") or {})
    if kind == "customer.updated":
        return Change.CUSTOMER if renamed or any(name in previous for name in _OF_A_USER) else Change.OTHER
    if kind != "customer.subscription.updated":
        return OTHERS.get(kind, Change.OTHER)
    if any(sign in previous and not previous[sign] for sign in _SIGNS):
        return Change.BEGINS
    if any(sign in previous for sign in _SIGNS):
        return Change.DECISION
    if "status" in previous:
        return Change.STATUS
    if "pause_collection" in previous:
        return Change.PAUSE
    if (previous.get("trial_end") or current.get("trial_end") or 0) < (current.get("trial_end") or 0):
        return Change.TRIAL
    if "items" in previous and _prices(previous) != _prices(current):
        return Change.PRICE
    if "cancellation_details" in previous:
        return Change.REASON
    if "discounts" in previous:
        return Change.DISCOUNT
    return Change.TERMS if renamed or any(name in previous for name in _TERMS) else Change.OTHER


def _prices(subscription: Mapping[str, Any]) -> list[Any]:
    return sorted(item["price"]["id"] for item in subscription["items"]["data"])


def outcome_of(
    change: Change,
    *,
    status: str,
    pending: bool,
    announced: bool,
    same_date: bool,
    end_is_announced: bool,
    voluntary: bool,
    changed: bool = False,
) -> EventOutcome:
    """Return what to do about the subscription's current state.

    Args:
        change: what the event is about. Only `BEGINS`, or a subscription that has ended, starts a cancellation.
        status: Stripe's current status.
        pending: whether an end is set, by either field.
        announced: whether customer and company were notified of an end that still stands.
        same_date: whether the announced date is the one in Stripe.
        end_is_announced: whether its end has been handled.
        voluntary: whether the customer asked for the end.
        changed: whether Stripe shows a change that is not recorded here.
    """
    if not is_live(status):
        if end_is_announced:
            return EventOutcome.NOTHING
        return EventOutcome.LEFT if voluntary and not announced and status == "canceled" else EventOutcome.ENDED
    if change in (Change.BEGINS, Change.DECISION):
        if pending and not announced:
            return EventOutcome.LEAVES if change is Change.BEGINS else EventOutcome.NOTHING
        if announced and not pending:
            return EventOutcome.COMES_BACK
    if pending and announced and not same_date:
        return EventOutcome.MOVED
    if change is Change.REASON and pending and announced:
        return EventOutcome.SAYS_WHY
    if changed:
        return EventOutcome.CHANGED
    return EventOutcome.DISCOUNTED if change is Change.DISCOUNT else EventOutcome.NOTHING


def kind_of_end(status: str, reason: str | None) -> str:
    """Return the kind of end: `neutral` if Stripe's reason is unknown (FEATURES N03, N06)."""
    if status == "incomplete_expired":
        return "never_started"
    return KINDS.get(reason or "", "neutral")


def is_known_reason(reason: str | None) -> bool:
    """Return whether Stripe's reason is known; an unknown one is reported, as Stripe may add reasons."""
    return reason in KINDS
