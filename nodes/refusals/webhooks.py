"""Refusals of incoming webhooks: Stripe's, and those with customers' replies."""

from nodes.refusals.base import Refusal


class SignatureInvalid(Refusal):
    """A webhook that is truncated, signed too long ago, or not signed with a configured secret."""

    status = 400
    detail = "The signature is not valid"


class WebhooksOff(Refusal):
    """No secret is set, so no webhook can be verified."""

    status = 404
    detail = "Not Found"


class DeliveryUnsigned(Refusal):
    """A webhook with a reply that its provider didn't sign, or signed too long ago."""

    status = 401
    detail = "The signature or password is missing, not valid, or more than 5 minutes old"


class DeliveryInvalid(Refusal):
    """A webhook of a provider that has no email in it, or another format. The provider sends it again."""

    status = 400
