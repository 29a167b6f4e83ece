"""Step 2: what was tried for hours waits for a person, and its customer is written to."""

from uuid import UUID

from nodes.cancellation.late_emails import send_delay as send_cancellation_delay
from nodes.node import node, run_log
from nodes.reactivation.late_emails import send_delay as send_reactivation_delay
from nodes.requests.kind import CANCELLATION, REACTIVATION
from nodes.requests.park import park_request
from nodes.resumption.records import Left, Work
from nodes.stripe_events.inbox import park

REQUESTS = {
    Work.CANCELLATION: (CANCELLATION, send_cancellation_delay),
    Work.REACTIVATION: (REACTIVATION, send_reactivation_delay),
}


@node("Park For A Person", step="2")
async def park_for_operator(left: Left) -> None:
    """Nothing is given up: `cancelflow resume ID` takes it up from where it stands.

    A customer who has had their answer is told nothing: it is an email or an event that could not be sent; and nobody
    is told of what Stripe told us. Raises `MailFailed`: it is parked all the same, and its email is tried again at its
    next turn.
    """
    tries = left.claimed.tries
    run_log().error("%s %s needs a person after %d tries: cancelflow requests --stuck", left.work, left.id, tries)
    if left.claimed.user_id is None:
        await park(left.id)
    else:
        kind, send_delay = REQUESTS[left.work]
        await park_request(kind, UUID(left.id), left.claimed.user_id, send_delay)
