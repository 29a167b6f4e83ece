"""The completer: takes up what a dead process or an outage left, by the ordinary path and from where it stands."""

import asyncio

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.cancel_subscription import cancel_subscription
from flows.display import close_run_that_died, show, table
from flows.shown import flow_body, run_shown
from nodes.cancellation.standing import standing_of
from nodes.clients.database import Claimed
from nodes.errors import CancelflowError
from nodes.node import run_log
from nodes.resumption.step_01_claim_unfinished_requests import claim_unfinished_requests
from nodes.resumption.step_02_park_for_a_person import park_for_a_person
from nodes.services import services, services_of_this_run

# Beside the runs that callers wait for: these have waited already.
AT_ONCE = 4


@flow(name="resume-unfinished", persist_result=False)
async def resume_unfinished() -> State[None]:
    """Take up every request whose lease has passed, until none is left.

    Safe to run many times at once. A trigger runs it in its own process as soon as there is anything to do; the
    schedule is for when no trigger is up.
    """
    with flow_body():
        async with services_of_this_run():
            account = Account()
            while claimed := await claim_unfinished_requests(AT_ONCE):
                await asyncio.gather(*(_take_up(each, account) for each in claimed))
            if account.for_a_person:
                await show("requests-for-a-person", account.as_markdown(), "requests that need a person")
    return account.state()


async def _take_up(claimed: Claimed, account: "Account") -> None:
    if claimed.died_in:
        await close_run_that_died(claimed.died_in)
    try:
        if claimed.needs_a_person:
            account.parked.append(claimed)
            await park_for_a_person(claimed)
            return
        await run_shown(cancel_subscription, claimed.id)
        standing = await standing_of(claimed.id, claimed.user_id)
    except CancelflowError as error:
        run_log().warning("request %s: %s", claimed.id, error)
        return
    except asyncio.CancelledError:  # this process stops: another takes it up, without waiting for our lease
        await services().database.end_lease(claimed.id)
        raise
    if standing.finished_at is not None:
        account.finished += 1
    elif claimed.urgent:
        account.urgent.append(claimed)
    else:
        account.unfinished += 1


class Account:
    """What became of the requests that were taken up."""

    def __init__(self) -> None:
        self.finished = self.unfinished = 0
        self.parked: list[Claimed] = []
        self.urgent: list[Claimed] = []

    @property
    def for_a_person(self) -> list[Claimed]:
        """Those that somebody should look at today."""
        return self.parked + self.urgent

    def as_markdown(self) -> str:
        """Ids, and what to do."""
        why = {
            **dict.fromkeys(self.parked, "tried for hours; waits for you"),
            **dict.fromkeys(self.urgent, "what was paid for runs out; tried every minute"),
        }
        lines = [(str(e.id), f"{e.tries} times", words, f"`cancelflow resume {e.id}`") for e, words in why.items()]
        return table(("request", "tried", "why", "what to do"), lines)

    def state(self) -> State[None]:
        """Failed where a person is needed, so that whatever watches failed runs tells them."""
        message = f"{self.finished} finished, {self.unfinished} to be tried again"
        if not self.for_a_person:
            return Completed(message=message)
        ids = ", ".join(str(each.id) for each in self.for_a_person)
        return Failed(name="NeedsAPerson", message=f"{message}; for a person: {ids}")
