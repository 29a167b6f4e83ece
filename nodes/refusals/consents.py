"""Refusals of a consent or a revocation."""

from nodes.refusals.base import Refusal


class NotYourConsent(Refusal):
    """The body's `user_id` is not the user id in the token."""

    status = 403
    detail = "A user can change only their own consents"


class UserNotNamed(Refusal):
    """The company's server called with its service token, which belongs to no user."""

    status = 400
    detail = "user_id: name the user; a service token belongs to none"


class SourceNotAllowed(Refusal):
    """A customer's token came with another source than a form: what it says would prove nothing."""

    status = 403
    detail = "source: a customer's token can only record what was pressed in a form; use a service token"


class RevokedSince(Refusal):
    """An import came after a revocation, which lasts until the customer agrees again (FEATURES A03)."""

    status = 409
    detail = (
        "The customer revoked this consent, which an import does not undo. If they agreed again in a form, record it "
        "with source `form`"
    )


class WordingUnknown(Refusal):
    """No wording was published as this version, or not in this language; the message names those that were."""

    status = 400
