"""Resume work that a crash or an outage left unfinished, by the ordinary flows and at the step it has reached."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from prefect import Flow, flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.accept_discount import accept_discount
from flows.cancel_subscription import cancel_subscription
from flows.change_plan import change_plan
from flows.choose_link import choose_link
from flows.extend_trial import extend_trial
from flows.handle_stripe_event import handle_stripe_event
from flows.pause_subscription import pause_subscription
from flows.reactivate_subscription import reactivate_subscription
from flows.resume_subscription import resume_subscription
from nodes.changes.intake import kind_of_change
from nodes.errors import CancelflowError
from nodes.node import run_log
from nodes.requests.kind import CANCELLATION, CHANGE, REACTIVATION, Kind
from nodes.requests.status import read_status
from nodes.resumption.records import Left
from nodes.resumption.step_01_claim_unfinished_requests import claim_unfinished_requests
from nodes.resumption.step_02_park_for_operator import park_for_operator
from nodes.runs.display import close_crashed_run, show, table
from nodes.runs.fallback import flow_body, run_flow
from nodes.services import services, services_of_this_run
from nodes.stripe_events.inbox import is_handled

# Concurrent runs of each kind, in addition to the runs that callers wait for.
CONCURRENCY = 4
REQUESTS: dict[str, Kind] = {each.name: each for each in (CANCELLATION, REACTIVATION, CHANGE)}
RequestFlow = Flow[[UUID], Coroutine[Any, Any, State[None]]]
# The flow of each kind of change.
CHANGES: dict[str, RequestFlow] = {
    "discount": accept_discount,
    "pause": pause_subscription,
    "resume": resume_subscription,
    "plan_change": change_plan,
    "trial_extension": extend_trial,
    "contact": choose_link,
    "redirect": choose_link,
}


@flow(name="resume-unfinished", persist_result=False)
async def resume_unfinished() -> State[None]:
    """Resume all cancellations, reactivations and Stripe events whose lease has expired.

    Safe to run concurrently. A trigger runs it in its own process as soon as there is unfinished work; the schedule is
    for when no trigger is running.
    """
    with flow_body():
        async with services_of_this_run():
            account = Account()
            while left := await claim_unfinished_requests(CONCURRENCY):
                await asyncio.gather(*(_claim(each, account) for each in left))
            if account.for_operator:
                await show("needs-attention", account.as_markdown(), "Requests that need attention")
    return account.state()


async def _claim(left: Left, account: "Account") -> None:
    try:
        its_flow = await _flow_of(left)
        if left.claimed.died_in:
            await close_crashed_run(left.claimed.died_in, f"{(its_flow or handle_stripe_event).name} {left.id}")
        if left.claimed.needs_attention:
            account.parked.append(left)
            await park_for_operator(left)
            return
        finished = await _carry_out(left, its_flow)
    except CancelflowError as error:
        run_log().warning("%s %s: %s", left.work, left.id, error)
        return
    except asyncio.CancelledError:  # this process stops, and another needn't wait for the lease to expire
        if left.work in REQUESTS:
            await services().database.end_lease(UUID(left.id))
        raise
    if finished:
        account.finished += 1
    elif left.claimed.urgent:
        account.urgent.append(left)
    else:
        account.unfinished += 1


async def _carry_out(left: Left, its_flow: RequestFlow | None) -> bool:
    """Run the flow, and return whether the work is finished."""
    if its_flow is None or left.claimed.user_id is None:
        await run_flow(handle_stripe_event, left.id)
        return await is_handled(left.id)
    await run_flow(its_flow, UUID(left.id))
    request_status = await read_status(REQUESTS[left.work], UUID(left.id), left.claimed.user_id)
    return request_status.finished_at is not None


async def _flow_of(left: Left) -> RequestFlow | None:
    """Return the flow of a request; None for an event."""
    if left.work == CHANGE.name:
        return CHANGES[await kind_of_change(UUID(left.id), str(left.claimed.user_id))]
    return {CANCELLATION.name: cancel_subscription, REACTIVATION.name: reactivate_subscription}.get(left.work)


class Account:
    """The results of the claimed work."""

    def __init__(self) -> None:
        self.finished = self.unfinished = 0
        self.parked: list[Left] = []
        self.urgent: list[Left] = []

    @property
    def for_operator(self) -> list[Left]:
        """The work that needs an operator's attention."""
        return self.parked + self.urgent

    def as_markdown(self) -> str:
        """Return a table of ids with what to do."""
        why = {
            **dict.fromkeys(self.parked, "failed for hours; waiting for you"),
            **dict.fromkeys(self.urgent, "the paid period ends soon; retried every minute"),
        }
        lines = [
            (each.work, each.id, f"{each.claimed.tries} times", words, f"`cancelflow resume {each.id}`")
            for each, words in why.items()
        ]
        return table(("what", "id", "tried", "why", "what to do"), lines)

    def state(self) -> State[None]:
        """Return the run's final state: failed if an operator is needed, so that alerts on failed runs reach them."""
        message = f"{self.finished} finished, {self.unfinished} to be retried"
        if not self.for_operator:
            return Completed(message=message)
        ids = ", ".join(each.id for each in self.for_operator)
        return Failed(name="NeedsAttention", message=f"{message}; for an operator: {ids}")
