"""Refusals of a session of the cancel page."""

from nodes.refusals.base import Refusal
from nodes.rules.texts import translatable as _


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
