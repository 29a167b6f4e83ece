"""Refusals of a reactivation."""

from nodes.refusals.base import Refusal
from nodes.rules.texts import translatable as _


class NothingToReactivate(Refusal):
    """The user has no such subscription (FEATURES W49)."""

    status = 404
    detail = _("No subscription to reactivate")


class SubscriptionEnded(Refusal):
    """The period is over, so the subscription can't be reactivated; a new one is needed (FEATURES W49)."""

    status = 410
    detail = _("The subscription has ended and cannot be reactivated. Start a new one")


class CancelledAgain(Refusal):
    """The subscription was cancelled again while it was being reactivated; the later decision counts."""

    status = 409
    detail = _("The subscription was cancelled again")


class ReactivationNotFound(Refusal):
    """The user has no reactivation with that id."""

    status = 404
    detail = "No such reactivation"
