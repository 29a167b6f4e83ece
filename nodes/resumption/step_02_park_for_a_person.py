"""Step 2: a request that was tried for hours waits for a person, and its customer is written to."""

from nodes.cancellation.late_letters import send_delay
from nodes.cancellation.outbox import DELAYED
from nodes.cancellation.standing import standing_of
from nodes.clients.database import Claimed
from nodes.errors import LetterRefused
from nodes.node import node, run_log
from nodes.services import services


@node("Park For A Person", step="2")
async def park_for_a_person(claimed: Claimed) -> None:
    """Nothing is given up: `cancelflow resume ID` takes it up from where it stands.

    A customer who has had their answer is told nothing: it is a letter or an event that could not be sent. Raises
    `MailFailed`: the request is parked all the same, and its letter is tried again at its next turn.
    """
    unanswered = (await standing_of(claimed.id, claimed.user_id)).finished_at is None
    async with services().database.as_user(claimed.user_id) as transaction:
        await transaction.run("park_request", request_id=claimed.id)
        if unanswered:
            await transaction.run("put_in_outbox", request_id=claimed.id, user_id=claimed.user_id, kind=DELAYED)
    run_log().error("request %s needs a person after %d tries: cancelflow requests --stuck", claimed.id, claimed.tries)
    if unanswered:
        try:
            await send_delay(claimed.id, claimed.user_id)
        except LetterRefused as error:
            run_log().warning("the customer cannot be written to: %s", error)
    async with services().database.as_user(claimed.user_id) as transaction:
        await transaction.run("parked_in_peace", request_id=claimed.id)
