"""The two kinds of request, each with its own table, and the names of their statements in sql/queries."""

from dataclasses import dataclass

from nodes.errors import ReactivationNotFound, Refusal, RequestNotFound


@dataclass(frozen=True)
class Kind:
    """A kind of request. `action`: its name in the audit log. `slug`, `detail`: of the response if Stripe failed."""

    action: str
    slug: str
    detail: str
    not_found: type[Refusal]
    status: str
    finish: str
    reopen: str
    leave: str
    next_try: str
    failed_try: str
    park: str
    parking_finished: str


CANCELLATION = Kind(
    action="cancel_subscription",
    slug="cancellation-failed",
    detail="Cancellation failed, try again",
    not_found=RequestNotFound,
    status="request_status",
    finish="finish_request",
    reopen="reopen_request",
    leave="leave_request",
    next_try="next_billing_try",
    failed_try="request_try_failed",
    park="park_request",
    parking_finished="parking_finished",
)
REACTIVATION = Kind(
    action="reactivate_subscription",
    slug="reactivation-failed",
    detail="Reactivation failed, try again",
    not_found=ReactivationNotFound,
    status="reactivation_status",
    finish="finish_reactivation",
    reopen="reopen_reactivation",
    leave="leave_reactivation",
    next_try="next_reactivation_try",
    failed_try="reactivation_try_failed",
    park="park_reactivation",
    parking_finished="reactivation_parking_finished",
)
