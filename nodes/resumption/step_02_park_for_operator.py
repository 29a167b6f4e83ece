"""Step 2: park work that has failed for hours for an operator, and email its customer."""

from uuid import UUID

from nodes.cancellation.late_emails import send_delay as send_cancellation_delay
from nodes.changes.late_emails import send_delay as send_change_delay
from nodes.node import node, run_log
from nodes.reactivation.late_emails import send_delay as send_reactivation_delay
from nodes.requests.kind import CANCELLATION, CHANGE, REACTIVATION
from nodes.requests.park import park_request
from nodes.resumption.records import Left
from nodes.stripe_events.inbox import park

REQUESTS = {
    CANCELLATION.name: (CANCELLATION, send_cancellation_delay),
    REACTIVATION.name: (REACTIVATION, send_reactivation_delay),
    CHANGE.name: (CHANGE, send_change_delay),
}


@node("Park For Operator", step="2")
async def park_for_operator(left: Left) -> None:
    """Park the work until `cancelflow resume ID` continues it at the step it has reached.

    The customer is not emailed if they already have a response, because then only an email or event is undelivered,
    nor if the work came from Stripe. Raises `MailFailed`; the work is parked anyway, and its email is retried later.
    """
    tries = left.claimed.tries
    run_log().error("%s %s needs attention after %d tries: cancelflow requests --stuck", left.work, left.id, tries)
    if left.claimed.user_id is None:
        await park(left.id)
    else:
        kind, send_delay = REQUESTS[left.work]
        await park_request(kind, UUID(left.id), left.claimed.user_id, send_delay)
