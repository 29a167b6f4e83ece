"""Which of Stripe's events may matter, and what became of a subscription by what Stripe says of it now.

An event only says when to look: it comes twice, late and out of order. What is found by looking decides.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from nodes.rules.statuses import is_live


class Change(Enum):
    """What an event may be about, by its type and by the names of what changed."""

    BEGINS = "begins"  # a sign of the end was set that was not: the change of decision
    DECISION = "decision"  # a sign of the end was cleared, or its date moved
    STATUS = "status"
    REASON = "reason"
    DISCOUNT = "discount"
    END = "end"
    NEW_CUSTOMER = "new customer"
    NEW_SUBSCRIPTION = "new subscription"
    CUSTOMER = "customer"  # what a user's row has of a customer changed
    TERMS = "terms"  # a subscription's price, period or user changed
    OTHER = "other"  # nothing to look at


class EventOutcome(Enum):
    """What became of it, by Stripe's word and by what was told here before."""

    NOTHING = "nothing"
    LEAVES = "cancellation"
    LEFT = "cancelled at once"  # it is over, and nobody here has heard of a cancellation
    MOVED = "date moved"
    SAYS_WHY = "reason"
    COMES_BACK = "reactivation"
    ENDED = "end"
    DISCOUNTED = "discount"


# Stripe's words for why a subscription is over, and ours.
KINDS = {
    "cancellation_requested": "voluntary",
    "payment_failed": "payment_failed",
    "payment_disputed": "payment_disputed",
    "canceled_by_retention_policy": "neutral",
}
# Nothing is told of these: rows of ours are made or changed, and only where they are copies of Stripe's.
COPIES = (Change.NEW_CUSTOMER, Change.NEW_SUBSCRIPTION, Change.CUSTOMER, Change.TERMS)
# Seconds until such an event is handled: whoever makes customers and subscriptions in Stripe and fills our tables has
# done that by then, and a subscription's event brings its customer.
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


def change_of(kind: str, previous: Mapping[str, Any], user_key: str) -> Change:
    """Return the change, by the event's type and its `previous_attributes` (FEATURES N01).

    A key that is not there did not change: a cancellation begins only where its sign is there and was false or null.
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
    if "cancellation_details" in previous:
        return Change.REASON
    if "discounts" in previous:
        return Change.DISCOUNT
    return Change.TERMS if renamed or any(name in previous for name in _TERMS) else Change.OTHER


def outcome_of(
    change: Change,
    *,
    status: str,
    pending: bool,
    announced: bool,
    same_date: bool,
    end_is_announced: bool,
    voluntary: bool,
) -> EventOutcome:
    """Return what is to be done, whichever event it was that made us look.

    Args:
        change: why we look. Only a cancellation that begins, or a subscription that is over, makes a new departure.
        status: Stripe's status now.
        pending: whether it has its end now, by either sign.
        announced: customer and company were told that it ends, and not that it goes on.
        same_date: what was told is what Stripe says.
        end_is_announced: its end has been dealt with.
        voluntary: the customer asked for the end.
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
    return EventOutcome.DISCOUNTED if change is Change.DISCOUNT else EventOutcome.NOTHING


def kind_of_end(status: str, reason: str | None) -> str:
    """Why it is over, in our words: `neutral` where Stripe's word is none that we know (FEATURES N03, N06)."""
    if status == "incomplete_expired":
        return "never_started"
    return KINDS.get(reason or "", "neutral")


def is_known_reason(reason: str | None) -> bool:
    """Return whether Stripe's word is one that we know; another is reported, for Stripe adds words."""
    return reason in KINDS
