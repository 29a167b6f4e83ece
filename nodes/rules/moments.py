"""Which of Stripe's events may matter, and what became of a subscription by what Stripe says of it now.

An event only says when to look: it comes twice, late and out of order. What is found by looking decides.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from nodes.rules.statuses import is_live


class Moment(Enum):
    """What an event may be about, by its type and by the names of what changed."""

    BEGINS = "begins"  # a sign of the end was set that was not: the moment of decision
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


class Turn(Enum):
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
COPIES = (Moment.NEW_CUSTOMER, Moment.NEW_SUBSCRIPTION, Moment.CUSTOMER, Moment.TERMS)
# Seconds until such an event is handled: whoever makes customers and subscriptions in Stripe and fills our tables has
# done that by then, and a subscription's event brings its customer.
PATIENCE = {Moment.NEW_SUBSCRIPTION: 2.0, Moment.NEW_CUSTOMER: 5.0}
_SIGNS = ("cancel_at_period_end", "cancel_at")
_TERMS = ("items", "plan", "current_period_start", "current_period_end")
_OF_A_USER = ("email", "name", "preferred_locales", "address")
UPDATED = ("customer.subscription.updated", "customer.updated")
OTHERS = {
    "customer.created": Moment.NEW_CUSTOMER,
    "customer.subscription.created": Moment.NEW_SUBSCRIPTION,
    "customer.subscription.deleted": Moment.END,
    "customer.deleted": Moment.END,
    "customer.subscription.paused": Moment.STATUS,
    "customer.subscription.resumed": Moment.STATUS,
    "customer.discount.created": Moment.DISCOUNT,
    "customer.discount.updated": Moment.DISCOUNT,
    "customer.discount.deleted": Moment.DISCOUNT,
}


def moment_of(kind: str, previous: Mapping[str, Any], user_key: str) -> Moment:
    """The moment, by the event's type and its `previous_attributes` (FEATURES N01).

    A key that is not there did not change: a cancellation begins only where its sign is there and was false or null.
    `user_key`: the metadata key that names the user.
    """
    renamed = user_key in (previous.get("metadata") or {})
    if kind == "customer.updated":
        return Moment.CUSTOMER if renamed or any(name in previous for name in _OF_A_USER) else Moment.OTHER
    if kind != "customer.subscription.updated":
        return OTHERS.get(kind, Moment.OTHER)
    if any(sign in previous and not previous[sign] for sign in _SIGNS):
        return Moment.BEGINS
    if any(sign in previous for sign in _SIGNS):
        return Moment.DECISION
    if "status" in previous:
        return Moment.STATUS
    if "cancellation_details" in previous:
        return Moment.REASON
    if "discounts" in previous:
        return Moment.DISCOUNT
    return Moment.TERMS if renamed or any(name in previous for name in _TERMS) else Moment.OTHER


def turn_of(
    moment: Moment, *, status: str, pending: bool, announced: bool, same_date: bool, end_is_told: bool, voluntary: bool
) -> Turn:
    """What is to be done, whichever event it was that made us look.

    Args:
        moment: why we look. Only a cancellation that begins, or a subscription that is over, makes a new departure.
        status: Stripe's status now.
        pending: whether it has its end now, by either sign.
        announced: customer and company were told that it ends, and not that it goes on.
        same_date: what was told is what Stripe says.
        end_is_told: its end has been dealt with.
        voluntary: the customer asked for the end.
    """
    if not is_live(status):
        if end_is_told:
            return Turn.NOTHING
        return Turn.LEFT if voluntary and not announced and status == "canceled" else Turn.ENDED
    if moment in (Moment.BEGINS, Moment.DECISION):
        if pending and not announced:
            return Turn.LEAVES if moment is Moment.BEGINS else Turn.NOTHING
        if announced and not pending:
            return Turn.COMES_BACK
    if pending and announced and not same_date:
        return Turn.MOVED
    if moment is Moment.REASON and pending and announced:
        return Turn.SAYS_WHY
    return Turn.DISCOUNTED if moment is Moment.DISCOUNT else Turn.NOTHING


def kind_of_end(status: str, reason: str | None) -> str:
    """Why it is over, in our words: `neutral` where Stripe's word is none that we know (FEATURES N03, N06)."""
    if status == "incomplete_expired":
        return "never_started"
    return KINDS.get(reason or "", "neutral")


def is_known_reason(reason: str | None) -> bool:
    """Whether Stripe's word is one that we know; another is reported, for Stripe adds words."""
    return reason in KINDS
