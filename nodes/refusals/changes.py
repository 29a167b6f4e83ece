"""Refusals of an offer or another change."""

from nodes.refusals.base import Refusal
from nodes.rules.texts import translatable as _


class OfferUnavailable(Refusal):
    """There is no retention offer to accept: unknown plan, or one was applied within 6 months (SPEC, Decided 2)."""

    status = 409
    detail = _("No retention offer is available for this subscription")


class OfferNotFound(Refusal):
    """No plan of the subscription's has an offer of this name."""

    status = 404
    detail = _("There is no such offer for this subscription")


class OfferNotAvailable(Refusal):
    """The offer does not fit the subscription any more; `reason` says why, `offers` are the ids of those that do."""

    status = 409
    detail = "This offer is not available"


class PriceNotOffered(Refusal):
    """The price is not one of the offer's, or the subscription can't change to it; `prices` are those it can."""

    status = 409
    detail = _("The offer does not include this price")


class DurationNotOffered(Refusal):
    """The length of the pause is outside of the offer's limits."""

    status = 400
    detail = _("The offer does not include this duration")


class PaymentDeclined(Refusal):
    """The payment for a change was declined, so nothing was changed."""

    status = 402
    detail = _("The payment was declined, and nothing was changed")


class ChangeNotFound(Refusal):
    """The user has no request of that id to accept an offer or to end a pause."""

    status = 404
    detail = "No such change"
