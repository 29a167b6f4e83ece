"""The kinds of request, each with its own table and its own queries of sql/queries/every_kind.sql."""

from dataclasses import dataclass

from nodes.refusals.base import Refusal
from nodes.refusals.cancellation import RequestNotFound
from nodes.refusals.changes import ChangeNotFound
from nodes.refusals.reactivation import ReactivationNotFound
from nodes.rules.texts import translatable as _


@dataclass(frozen=True)
class Kind:
    """A kind of request. `name`: one of sql.KINDS. `action`: its name in the audit log.

    `slug`, `detail`: of the response if Stripe failed.
    """

    name: str
    action: str
    slug: str
    detail: str
    not_found: type[Refusal]


CANCELLATION = Kind(
    "cancellation", "cancel_subscription", "cancellation-failed", _("Cancellation failed, try again"), RequestNotFound
)
REACTIVATION = Kind(
    "reactivation",
    "reactivate_subscription",
    "reactivation-failed",
    _("Reactivation failed, try again"),
    ReactivationNotFound,
)


def _change(action: str) -> Kind:
    return Kind("change", action, "change-failed", _("The change failed, try again"), ChangeNotFound)


# By the kind of change (nodes/rules/ways_to_stay.py).
CHANGES = {
    "discount": _change("accept_discount"),
    "pause": _change("pause_subscription"),
    "resume": _change("resume_subscription"),
    "plan_change": _change("change_plan"),
    "trial_extension": _change("extend_trial"),
    "contact": _change("choose_contact"),
    "redirect": _change("choose_redirect"),
}
# For what is the same whatever is changed: the status of a request, and parking it.
CHANGE = _change("change_subscription")
