"""The product's errors, but for refusals (nodes/refusals).

`Failure`: an external system did not do its work; retrying may help.
"""


class CancelflowError(Exception):
    """The base class of the product's errors."""


class SettingsInvalid(CancelflowError):
    """Settings are missing or invalid; the message names each of them and contains no value."""


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
        param: str | None = None,
        stripe_request_id: str | None = None,
        uncertain: bool = False,
        answered: bool = False,
        declined: bool = False,
    ) -> None:
        super().__init__(message)
        self.declined = declined  # the customer's payment, rather than the call
        self.code = code  # Stripe's error code, such as resource_missing
        self.param = param  # the parameter that Stripe refuses, such as items[0][price]
        self.stripe_request_id = stripe_request_id
        self.uncertain = uncertain
        self.answered = answered


class VerificationFailed(BillingFailed):
    """The subscription, read back from Stripe, does not show the change."""


class ActionHookFailed(BillingFailed):
    """The company's hook, which acts in Stripe in cancelflow's place, failed or did not respond in time."""


class NotReadBack(Failure):
    """Stripe accepted a write, but it could not be read back: neither success nor failure can be reported."""


class NotSettled(Failure):
    """A part of the cancellation is done in Stripe, such as its end, but not all; the request is retried."""


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


class EmailRefused(MailFailed):
    """The email can never be delivered: no address, a malformed address, or a 5xx response. It is not retried.

    `problem`: the reason, as recorded in the outbox (sql/migrations/0006).
    """

    def __init__(self, message: str, *, problem: str = "refused-by-mail-server") -> None:
        super().__init__(message)
        self.problem = problem


class EventsFailed(Failure):
    """Pub/Sub did not accept the event."""


class HookFailed(Failure):
    """The receiver of a webhook did not accept it."""


class InboxFailed(Failure):
    """The mailbox of replies could not be reached or read. The message contains nothing that the server said."""


class InboxRefused(InboxFailed):
    """The mail server refused a command, such as to return one email; the connection is still open."""


class CategoryFailed(Failure):
    """The model for replies could not be reached, or did not accept the request. The message contains no text of it."""


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
