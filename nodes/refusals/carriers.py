"""Refusals of what the company carries out itself."""

from nodes.refusals.base import Refusal
from nodes.rules.texts import translatable as _


class ActionRefused(Refusal):
    """The company's hook turned the action down; its message is the text."""

    status = 409
    outcome = "failed"


class ActionNotSeen(Refusal):
    """The company's page says that it carried the action out, but Stripe does not show it."""

    status = 409
    outcome = "failed"
    detail = _("We couldn't confirm this with our payment provider, so nothing was recorded. Try again")


class HandlerNotDeclared(Refusal):
    """A page says that it carries out an action that the session's token does not leave to it."""

    status = 400
    detail = _("This page can't do that itself. Nothing was changed")
