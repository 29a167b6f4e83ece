"""What can go wrong, by name. A refusal carries its HTTP status and the specification's text.

`Refusal`: the request is wrong or comes too late; nothing was changed, and trying again changes nothing.
`Failure`: an outside part did not do its work; trying again may help.
"""

from typing import Any, ClassVar
from uuid import UUID


class CancelflowError(Exception):
    """The root of every error of ours."""


class SettingsInvalid(CancelflowError):
    """Settings are missing or wrong; the message names every one of them and holds no value."""


class Refusal(CancelflowError):
    """We will not do this. `status` and `detail` are what the caller is told."""

    status: ClassVar[int] = 400
    detail: ClassVar[str] = "Request refused"
    retry_after: int | None = None  # seconds, where waiting helps

    def __init__(self, detail: str | None = None, *, request_id: UUID | None = None, **extensions: Any) -> None:
        self.text = detail or self.detail
        self.request_id = request_id  # an earlier request that stands in the way
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
    """The user has no live subscription, or the one named is not theirs or has ended (SPEC, 404)."""

    status = 404
    detail = "No active subscription to cancel"


class SubscriptionAlreadyPending(Refusal):
    """The subscription already ends at a known date, by either sign (SPEC, 409 and Decided 7)."""

    status = 409
    detail = "Subscription already scheduled for cancellation"


class FixedTermRunning(Refusal):
    """The plan's customers may not leave before their fixed term ends; the text is the company's (catalogue)."""

    status = 409
    detail = "This subscription runs for a fixed term and can't be cancelled before its end"


class SeveralSubscriptions(Refusal):
    """Several live subscriptions and none named (SPEC, Decided 5)."""

    status = 409
    detail = "Several active subscriptions: name one in subscription_id"


class RequestUnderWay(Refusal):
    """Another request for the same subscription has not finished, or ended while this one came in."""

    status = 409
    detail = "A request for this subscription is already under way"
    retry_after = 2


class KeyUnderWay(Refusal):
    """The request that this `Idempotency-Key` stands for has not finished: ask again a little later."""

    status = 409
    detail = "The request with this Idempotency-Key is still under way"
    retry_after = 2


class KeyReused(Refusal):
    """The `Idempotency-Key` stands for a request with another body."""

    status = 422
    detail = "This Idempotency-Key was used with another body"


class TooManyAttempts(Refusal):
    """The user has made more attempts within a minute than a person does; nothing was recorded."""

    status = 429
    detail = "Too many attempts: try again later"

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.retry_after = seconds


class AlreadyRefused(Refusal):
    """A run was started for a request that was refused: its caller was told so, and nothing goes on."""

    status = 409
    detail = "This request was refused"


class StillFailed(Refusal):
    """A second look at a request that was told as failed: Stripe did not do it, and nothing goes on."""

    status = 500
    detail = "Cancellation failed, try again"


class OfferUnavailable(Refusal):
    """There is no retention offer to accept: unknown plan, or one was applied within 6 months (SPEC, Decided 2)."""

    status = 409
    detail = "No retention offer is available for this subscription"


class Failure(CancelflowError):
    """An outside part did not do its work."""


class BillingFailed(Failure):
    """Stripe refused, failed or did not answer in time. The message holds no personal data.

    `uncertain`: the answer to a write was lost, so Stripe may have done it all the same. `answered`: Stripe did answer,
    if only that it failed, and answers the same to whoever repeats the idempotency key.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        stripe_request_id: str | None = None,
        uncertain: bool = False,
        answered: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code  # Stripe's error code, such as resource_missing
        self.stripe_request_id = stripe_request_id
        self.uncertain = uncertain
        self.answered = answered


class VerificationFailed(BillingFailed):
    """Stripe, read back, does not say what it was asked to do."""


class NotReadBack(Failure):
    """Stripe took a write and could not be asked what became of it: no success to tell, and no failure either."""


class NotSettled(Failure):
    """Stripe has ended the subscription, and an invoice of it could not be dealt with yet: the request goes on."""


class DatabaseUnavailable(Failure):
    """PostgreSQL could not be reached or did not answer in time."""


class ConstraintViolated(Failure):
    """PostgreSQL refused a write; `constraint` is the rule's name in sql/migrations."""

    def __init__(self, constraint: str) -> None:
        super().__init__(f"the database refused the write: {constraint}")
        self.constraint = constraint


class StatementRefused(Failure):
    """PostgreSQL refused a statement as such: a permission, a value. The message names the kind and no value."""


class MailFailed(Failure):
    """The mail server did not take the email."""


class EventsFailed(Failure):
    """Pub/Sub did not take the event."""


class EmailRefused(MailFailed):
    """The email can never be delivered: no address, a malformed one, or a 5xx response. Retrying changes nothing.

    `problem`: which of these, as the outbox records it (sql/migrations/0006).
    """

    def __init__(self, message: str, *, problem: str = "refused-by-mail-server") -> None:
        super().__init__(message)
        self.problem = problem


class LinkInvalid(Refusal):
    """A link from an email was altered, cut short, or made for another purpose."""

    status = 400
    detail = "This link is not valid"


class LinkExpired(Refusal):
    """A link from an email was good once, and is not any more."""

    status = 410
    detail = "This link has expired"


class NothingToReactivate(Refusal):
    """The user has no such subscription (FEATURES W49)."""

    status = 404
    detail = "No subscription to reactivate"


class SubscriptionEnded(Refusal):
    """The period is over, so there is nothing to take back; a new subscription is the way (FEATURES W49)."""

    status = 410
    detail = "The subscription has ended and cannot be reactivated. Start a new one"


class CancellationTakenBack(Refusal):
    """Stripe had it as cancelled and has not any more: what was asked for was taken back meanwhile."""

    status = 409
    detail = "The subscription was reactivated in the meantime"


class CancelledAgain(Refusal):
    """It was cancelled once more while it was being reactivated: the later word counts."""

    status = 409
    detail = "The subscription was cancelled again"


class ReactivationNotFound(Refusal):
    """No reactivation of this user has that id."""

    status = 404
    detail = "No such reactivation"


class FeedbackAlreadyGiven(Refusal):
    """The question behind an email's link is answered once."""

    status = 409
    detail = "This feedback was already received"


class SignatureInvalid(Refusal):
    """A webhook that Stripe did not sign with a secret of ours, or signed too long ago, or that came cut short."""

    status = 400
    detail = "The signature is not valid"


class WebhooksOff(Refusal):
    """No secret is set, so no webhook can be judged."""

    status = 404
    detail = "Not Found"


class NeedsOperator(CancelflowError):
    """The plan is `manual_only` in the catalogue: an operator looks first, and `cancelflow resume` carries it out."""


class PutOff(CancelflowError):
    """It is too early for this: it has its turn again in so many seconds."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


class EventUnknown(CancelflowError):
    """A flow was started for an event that never came in."""


class RequestUnknown(CancelflowError):
    """A flow was started for an id that no request has."""


class RequestNotFound(Refusal):
    """No cancellation request of this user has that id."""

    status = 404
    detail = "No such cancellation request"
