"""Step 2: what was tried for hours waits for a person, and its customer is written to."""

from uuid import UUID

from nodes.cancellation.late_letters import send_delay as send_cancellation_delay
from nodes.cancellation.outbox import DELAYED
from nodes.errors import LetterRefused
from nodes.node import node, run_log
from nodes.reactivation.late_letters import send_delay as send_reactivation_delay
from nodes.requests.kind import CANCELLATION, REACTIVATION
from nodes.resumption.records import Left, Work
from nodes.services import services
from nodes.stripe_events.inbox import park

REQUESTS = {
    Work.CANCELLATION: (CANCELLATION, send_cancellation_delay),
    Work.REACTIVATION: (REACTIVATION, send_reactivation_delay),
}


@node("Park For A Person", step="2")
async def park_for_a_person(left: Left) -> None:
    """Nothing is given up: `cancelflow resume ID` takes it up from where it stands.

    A customer who has had their answer is told nothing: it is a letter or an event that could not be sent; and nobody
    is told of what Stripe told us. Raises `MailFailed`: it is parked all the same, and its letter is tried again at its
    next turn.
    """
    tries = left.claimed.tries
    run_log().error("%s %s needs a person after %d tries: cancelflow requests --stuck", left.work, left.id, tries)
    if left.claimed.user_id is None:
        await park(left.id)
    else:
        await _park_request(left, UUID(left.id), left.claimed.user_id)


async def _park_request(left: Left, request_id: UUID, user_id: str) -> None:
    kind, send_delay = REQUESTS[left.work]
    async with services().database.as_user(user_id) as transaction:
        [unanswered] = await transaction.values(kind.park, request_id=request_id)
        if unanswered:
            await transaction.run("put_in_outbox", request_id=request_id, user_id=user_id, kind=DELAYED)
    if unanswered:
        try:
            await send_delay(request_id, user_id)
        except LetterRefused as error:
            run_log().warning("the customer cannot be written to: %s", error)
    async with services().database.as_user(user_id) as transaction:
        await transaction.run(kind.parked_in_peace, request_id=request_id)
