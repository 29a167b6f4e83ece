"""Refusals of incoming webhooks: Stripe's, the results of calls, and customers' replies."""

from nodes.refusals.base import Refusal


class SignatureInvalid(Refusal):
    """A webhook that is truncated, signed too long ago, or not signed with a configured secret."""

    status = 400
    detail = "The signature is not valid"


class WebhooksOff(Refusal):
    """No secret is set, so no webhook can be verified."""

    status = 404
    detail = "Not Found"


class ResultNotSigned(Refusal):
    """A call's result that is not signed with a configured secret, or was signed too long ago."""

    status = 401
    detail = "The signature is missing, not valid, or older than five minutes"


class CallResultsOff(WebhooksOff):
    """CALL_RESULT_SECRETS is not set, so no result of a call can be verified."""


class DeliveryUnsigned(Refusal):
    """A webhook with a reply that its provider didn't sign, or signed too long ago."""

    status = 401
    detail = "The signature or password is missing, not valid, or more than 5 minutes old"


class DeliveryInvalid(Refusal):
    """A webhook of a provider that has no email in it, or another format."""

    status = 400


class DeliveryUnverified(Refusal):
    """A webhook whose signature can't be verified now. The provider sends it again, which SNS does only after a 5xx."""

    status = 503
    retry_after = 5
