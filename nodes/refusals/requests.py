"""Refusals of a request of any kind."""

from nodes.refusals.base import Refusal
from nodes.rules.texts import translatable as _


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
