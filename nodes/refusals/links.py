"""Refusals of a link from an email."""

from nodes.refusals.base import Refusal
from nodes.rules.texts import translatable as _


class LinkInvalid(Refusal):
    """A link from an email was altered, truncated, or made for another purpose."""

    status = 400
    detail = _("This link is not valid")


class LinkExpired(Refusal):
    """A link from an email has expired."""

    status = 410
    detail = _("This link has expired")


class PreferencesLinkExpired(Refusal):
    """A link to a customer's contact preferences has expired, or the customer's data was deleted."""

    status = 410
    detail = _("This link has expired")


class FeedbackAlreadyGiven(Refusal):
    """The feedback form behind an email's link was already submitted."""

    status = 409
    detail = "This feedback was already received"
