"""The refusals: the request is invalid or too late; nothing was changed, and retrying doesn't help.

Each carries its HTTP status and the specification's text, in English; `_` marks those that customers read too, in
their language (nodes/messages/refusals.py).
"""

from typing import Any, ClassVar
from uuid import UUID

from nodes.errors import CancelflowError
from nodes.rules.texts import translatable as _


class Refusal(CancelflowError):
    """A request that is turned down; `status` and `detail` are the caller's response."""

    status: ClassVar[int] = 400
    detail: ClassVar[str] = "Request refused"
    outcome: ClassVar[str] = "refused"  # of the request; one that `failed` can be tried again
    retry_after: int | None = None  # seconds, if retrying helps

    def __init__(self, detail: str | None = None, *, request_id: UUID | None = None, **extensions: Any) -> None:
        self.text = detail or self.detail
        self.request_id = request_id  # of the earlier request that conflicts with this one
        self.extensions = extensions  # further problem+json members, such as the subscriptions to choose from
        super().__init__(self.text)


# Any request


class KeyUnderWay(Refusal):
    """The request with this `Idempotency-Key` has not finished; the caller should retry shortly."""

    status = 409
    detail = "The request with this Idempotency-Key is still under way"
    retry_after = 2


class KeyReused(Refusal):
    """The `Idempotency-Key` belongs to a request with another body."""

    status = 422
    detail = "This Idempotency-Key was used with another body"


class TooManyAttempts(Refusal):
    """The user has exceeded the number of attempts per minute; nothing was recorded."""

    status = 429
    detail = "Too many attempts: try again later"

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.retry_after = seconds


class RequestUnderWay(Refusal):
    """Another request for the same subscription is unfinished, or finished while this one arrived."""

    status = 409
    detail = _("A request for this subscription is already under way")
    retry_after = 2


class SeveralSubscriptions(Refusal):
    """Several live subscriptions and none named (SPEC, Decided 5)."""

    status = 409
    detail = "Several active subscriptions: name one in subscription_id"


class AlreadyRefused(Refusal):
    """A run was started for a request that was refused; it does nothing."""

    status = 409
    detail = "This request was refused"


# Cancellations


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


# Offers and changes


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


# Actions that the company carries out itself


class ActionRefused(Refusal):
    """The company's hook turned the action down; its message is the text."""

    status = 409
    outcome = "failed"


class ActionNotSeen(Refusal):
    """The company's page says that it carried the action out, but Stripe does not show it."""

    status = 409
    outcome = "failed"
    detail = _("We couldn't confirm this with our payment provider, so nothing was recorded. Try again")


class HandlerNotDeclared(Refusal):
    """A page says that it carries out an action that the session's token does not leave to it."""

    status = 400
    detail = _("This page can't do that itself. Nothing was changed")


# Reactivations


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


# Links from emails


class LinkInvalid(Refusal):
    """A link from an email was altered, truncated, or made for another purpose."""

    status = 400
    detail = _("This link is not valid")


class LinkExpired(Refusal):
    """A link from an email has expired."""

    status = 410
    detail = _("This link has expired")


class FeedbackAlreadyGiven(Refusal):
    """The feedback form behind an email's link was already submitted."""

    status = 409
    detail = "This feedback was already received"


# Sessions of the cancel page


class SessionTokenInvalid(Refusal):
    """A session token that is not signed with a configured key, or lacks a claim, or has a wrong one (FEATURES U03)."""

    status = 401
    detail = _("This link is not valid")


class SessionTokenExpired(Refusal):
    """A session token after its expiry (FEATURES U02, U21)."""

    status = 401
    detail = "This link has expired"


class SessionTokenUsed(Refusal):
    """A session token that has opened a session in another browser (FEATURES U05)."""

    status = 409
    detail = _("This link was used before")


class SessionIsPreview(Refusal):
    """An action in a session whose token says `preview: true`."""

    status = 409
    detail = "This session is a preview: nothing was changed"


# Stripe's webhooks


class SignatureInvalid(Refusal):
    """A webhook that is truncated, signed too long ago, or not signed with a configured secret."""

    status = 400
    detail = "The signature is not valid"


class WebhooksOff(Refusal):
    """No secret is set, so no webhook can be verified."""

    status = 404
    detail = "Not Found"
