"""The kinds of request, each with its own table and its own queries of sql/queries/every_kind.sql."""

from dataclasses import dataclass

from nodes.errors import ReactivationNotFound, Refusal, RequestNotFound


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
    "cancellation", "cancel_subscription", "cancellation-failed", "Cancellation failed, try again", RequestNotFound
)
REACTIVATION = Kind(
    "reactivation",
    "reactivate_subscription",
    "reactivation-failed",
    "Reactivation failed, try again",
    ReactivationNotFound,
)
