"""Refusals of a cancellation."""

from nodes.refusals.base import Refusal
from nodes.rules.texts import translatable as _


class ReasonRequired(Refusal):
    """No reason was given with a cancellation (SPEC, 400)."""

    status = 400
    detail = "Cancellation reason required"


class NotYourSubscription(Refusal):
    """The body's `user_id` is not the user id in the token (SPEC, Decided 4)."""

    status = 403
    detail = "A user can cancel only their own subscription"


class NoActiveSubscription(Refusal):
    """The user has no live subscription, or the named one is another user's or has ended (SPEC, 404)."""

    status = 404
    detail = _("No active subscription to cancel")


class SubscriptionAlreadyPending(Refusal):
    """The subscription already has an end date, by `cancel_at_period_end` or `cancel_at` (SPEC, 409 and Decided 7)."""

    status = 409
    detail = _("Subscription already scheduled for cancellation")


class FixedTermRunning(Refusal):
    """The plan can't be cancelled before its fixed term ends; the company's catalogue has the text."""

    status = 409
    detail = _("This subscription runs for a fixed term and can't be cancelled before its end")


class PreviewExpired(Refusal):
    """The `as_of` of a cancellation is more than an hour old, or of another billing period."""

    status = 409
    detail = "The preview has expired: request a new one"


class StillFailed(Refusal):
    """A request that was reported as failed was checked again: Stripe did not apply it, so it stays failed."""

    status = 500
    detail = _("Cancellation failed, try again")


class CancellationTakenBack(Refusal):
    """The cancellation was revoked in Stripe while the request was being carried out."""

    status = 409
    detail = _("The subscription was reactivated in the meantime")


class RequestNotFound(Refusal):
    """The user has no cancellation request with that id."""

    status = 404
    detail = "No such cancellation request"
