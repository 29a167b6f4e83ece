"""Refusals of webhooks: Stripe's, and the results of calls."""

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
