"""The product's errors.

`Refusal`: the request is invalid or too late; nothing was changed, and retrying doesn't help. It carries its HTTP
status and the specification's text.
`Failure`: an external system did not do its work; retrying may help.
"""

from typing import Any, ClassVar
from uuid import UUID


class CancelflowError(Exception):
    """The base class of the product's errors."""


class SettingsInvalid(CancelflowError):
    """Settings are missing or invalid; the message names each of them and contains no value."""


class Refusal(CancelflowError):
    """A request that is turned down; `status` and `detail` are the caller's response."""

    status: ClassVar[int] = 400
    detail: ClassVar[str] = "Request refused"
    retry_after: int | None = None  # seconds, if retrying helps

    def __init__(self, detail: str | None = None, *, request_id: UUID | None = None, **extensions: Any) -> None:
        self.text = detail or self.detail
        self.request_id = request_id  # of the earlier request that conflicts with this one
        self.extensions = extensions  # further problem+json members, such as the subscriptions to choose from
        super().__init__(self.text)


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
    detail = "No active subscription to cancel"


class SubscriptionAlreadyPending(Refusal):
    """The subscription already has an end date, by `cancel_at_period_end` or `cancel_at` (SPEC, 409 and Decided 7)."""

    status = 409
    detail = "Subscription already scheduled for cancellation"


class FixedTermRunning(Refusal):
    """The plan can't be cancelled before its fixed term ends; the company's catalogue has the text."""

    status = 409
    detail = "This subscription runs for a fixed term and can't be cancelled before its end"


class PreviewExpired(Refusal):
    """The `as_of` of a cancellation is more than an hour old, or of another billing period."""

    status = 409
    detail = "The preview has expired: request a new one"


class SeveralSubscriptions(Refusal):
    """Several live subscriptions and none named (SPEC, Decided 5)."""

    status = 409
    detail = "Several active subscriptions: name one in subscription_id"


class RequestUnderWay(Refusal):
    """Another request for the same subscription is unfinished, or finished while this one arrived."""

    status = 409
    detail = "A request for this subscription is already under way"
    retry_after = 2


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


class AlreadyRefused(Refusal):
    """A run was started for a request that was refused; it does nothing."""

    status = 409
    detail = "This request was refused"


class StillFailed(Refusal):
    """A request that was reported as failed was checked again: Stripe did not apply it, so it stays failed."""

    status = 500
    detail = "Cancellation failed, try again"


class OfferUnavailable(Refusal):
    """There is no retention offer to accept: unknown plan, or one was applied within 6 months (SPEC, Decided 2)."""

    status = 409
    detail = "No retention offer is available for this subscription"


class OfferNotFound(Refusal):
    """No plan of the subscription's has an offer of this name."""

    status = 404
    detail = "There is no such offer for this subscription"


class OfferNotAvailable(Refusal):
    """The offer does not fit the subscription any more; `reason` says why, `offers` are the ids of those that do."""

    status = 409
    detail = "This offer is not available"


class PriceNotOffered(Refusal):
    """The price is not one of the offer's, or the subscription can't change to it; `prices` are those it can."""

    status = 409
    detail = "The offer does not include this price"


class DurationNotOffered(Refusal):
    """The length of the pause is outside of the offer's limits."""

    status = 400
    detail = "The offer does not include this duration"


class PaymentDeclined(Refusal):
    """The payment for a change was declined, so nothing was changed."""

    status = 402
    detail = "The payment was declined, and nothing was changed"


class ChangeNotFound(Refusal):
    """The user has no request of that id to accept an offer or to end a pause."""

    status = 404
    detail = "No such change"


class Failure(CancelflowError):
    """An external system did not do its work."""


class BillingFailed(Failure):
    """Stripe refused, failed or did not respond in time. The message contains no personal data.

    `uncertain`: the response to a write was lost, so Stripe may have applied it. `answered`: Stripe responded, even if
    with an error, and replays that response when the idempotency key is reused.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        stripe_request_id: str | None = None,
        uncertain: bool = False,
        answered: bool = False,
        declined: bool = False,
    ) -> None:
        super().__init__(message)
        self.declined = declined  # the customer's payment, rather than the call
        self.code = code  # Stripe's error code, such as resource_missing
        self.stripe_request_id = stripe_request_id
        self.uncertain = uncertain
        self.answered = answered


class VerificationFailed(BillingFailed):
    """The subscription, read back from Stripe, does not show the change."""


class NotReadBack(Failure):
    """Stripe accepted a write, but it could not be read back: neither success nor failure can be reported."""


class NotSettled(Failure):
    """Stripe has ended the subscription, but one of its invoices is not settled yet; the request is retried."""


class DatabaseUnavailable(Failure):
    """PostgreSQL could not be reached or did not respond in time."""


class ConstraintViolated(Failure):
    """PostgreSQL refused a write; `constraint` is its name in sql/migrations."""

    def __init__(self, constraint: str) -> None:
        super().__init__(f"the database refused the write: {constraint}")
        self.constraint = constraint


class StatementRefused(Failure):
    """PostgreSQL refused a statement, for a permission or a value. The message names the kind and no value."""


class MailFailed(Failure):
    """The mail server did not accept the email."""


class EventsFailed(Failure):
    """Pub/Sub did not accept the event."""


class HookFailed(Failure):
    """The receiver of a webhook did not accept it."""


class EmailRefused(MailFailed):
    """The email can never be delivered: no address, a malformed address, or a 5xx response. It is not retried.

    `problem`: the reason, as recorded in the outbox (sql/migrations/0006).
    """

    def __init__(self, message: str, *, problem: str = "refused-by-mail-server") -> None:
        super().__init__(message)
        self.problem = problem


class LinkInvalid(Refusal):
    """A link from an email was altered, truncated, or made for another purpose."""

    status = 400
    detail = "This link is not valid"


class LinkExpired(Refusal):
    """A link from an email has expired."""

    status = 410
    detail = "This link has expired"


class NothingToReactivate(Refusal):
    """The user has no such subscription (FEATURES W49)."""

    status = 404
    detail = "No subscription to reactivate"


class SubscriptionEnded(Refusal):
    """The period is over, so the subscription can't be reactivated; a new one is needed (FEATURES W49)."""

    status = 410
    detail = "The subscription has ended and cannot be reactivated. Start a new one"


class CancellationTakenBack(Refusal):
    """The cancellation was revoked in Stripe while the request was being carried out."""

    status = 409
    detail = "The subscription was reactivated in the meantime"


class CancelledAgain(Refusal):
    """The subscription was cancelled again while it was being reactivated; the later decision counts."""

    status = 409
    detail = "The subscription was cancelled again"


class ReactivationNotFound(Refusal):
    """The user has no reactivation with that id."""

    status = 404
    detail = "No such reactivation"


class FeedbackAlreadyGiven(Refusal):
    """The feedback form behind an email's link was already submitted."""

    status = 409
    detail = "This feedback was already received"


class SignatureInvalid(Refusal):
    """A webhook that is truncated, signed too long ago, or not signed with a configured secret."""

    status = 400
    detail = "The signature is not valid"


class WebhooksOff(Refusal):
    """No secret is set, so no webhook can be verified."""

    status = 404
    detail = "Not Found"


class NeedsOperator(CancelflowError):
    """The plan is `manual_only` in the catalogue: an operator approves the request with `cancelflow resume`."""


class DoneByHand(NeedsOperator):
    """Only a person may change the subscription in Stripe; `cancelflow finish` then completes the request."""


class PutOff(CancelflowError):
    """The work is postponed for some seconds."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


class EventUnknown(CancelflowError):
    """A flow was started for an event that was never received."""


class RequestUnknown(CancelflowError):
    """A flow was started for an unknown request id."""


class RequestNotFound(Refusal):
    """The user has no cancellation request with that id."""

    status = 404
    detail = "No such cancellation request"
