"""Starts, in the trigger's process, new work that waits in Postgres.

Reactivations, changes, Stripe's events, emails, calls, webhooks, and the events of tasks. Work whose run died is
resumed by `resume-unfinished`.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID

from flows.ask_for_reason import ask_for_reason
from flows.call_customer import call_customer
from flows.categorize_reply import categorize_reply
from flows.handle_stripe_event import handle_stripe_event
from flows.reactivate_subscription import reactivate_subscription
from flows.remind_of_change import remind_of_change
from flows.resume_unfinished import CHANGES, RequestFlow
from flows.route_call_result import route_call_result
from flows.send_cancel_code import send_cancel_code
from nodes.call_results.claim import claim_call_results
from nodes.calls.claim import claim_calls
from nodes.cancel_codes.claim import claim_cancel_codes
from nodes.changes.intake import kind_of_change
from nodes.errors import CancelflowError
from nodes.reason_email.claim import claim_reason_emails
from nodes.reminders.claim import claim_reminders
from nodes.replies.claim import claim_replies
from nodes.replies.fetch import fetch_replies
from nodes.requests.caller import WaitingCaller
from nodes.runs.fallback import run_flow
from nodes.services import services
from nodes.tasks.publish import DueTask, claim_task_events, publish_task
from nodes.webhook_deliveries.claim import DueWebhook, claim_webhooks
from nodes.webhook_deliveries.send import send_webhook

T = TypeVar("T")
log = logging.getLogger(__name__)

# Low, because these run beside the customers' cancellations; the rest waits in Postgres.
MAX_CONCURRENT_REACTIVATIONS = 4
MAX_CONCURRENT_CHANGES = 4
MAX_CONCURRENT_EVENTS = 4
MAX_CONCURRENT_EMAILS = 2
MAX_CONCURRENT_TASKS = 2
MAX_CONCURRENT_CALLS = 2
MAX_CONCURRENT_REPLIES = 2
MAX_CONCURRENT_WEBHOOKS = 4  # of each endpoint, so that one that is down holds up no other
LOOK_EVERY_SECONDS = 1.0
FETCH_EVERY_SECONDS = 30.0  # replies, from the mailbox
# A clean stop waits this long for unfinished runs; afterwards their leases expire and others can claim the work.
GRACE_SECONDS = 10.0


class Line(Generic[T]):
    """A queue for one kind of work: claims items up to a limit and starts a flow run for each."""

    def __init__(
        self,
        concurrency: int,
        claim: Callable[[int], Awaitable[list[T]]],
        carry_out: Callable[[T], Coroutine[Any, Any, None]],
    ) -> None:
        self._concurrency = concurrency
        self._claim = claim
        self._carry_out = carry_out
        self._runs: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._ending = False

    def wake(self) -> None:
        """Check for work immediately."""
        self._woken.set()

    async def look(self) -> None:
        """Claim and start work until stopped: when woken, and every second."""
        while not self._ending:
            try:
                found = await self._start_claimed()
            except CancelflowError as error:
                log.warning("cannot check for waiting work: %s", error)
                found = 0
            if not found:
                await self._pause()

    def take_no_more(self) -> None:
        """Set a flag to stop claiming, as a database call can swallow task cancellation (nodes/requests/lease.py)."""
        self._ending = True

    async def end(self) -> None:
        """Wait for the running runs, then cancel the rest, which can be claimed again once their leases expire."""
        if self._runs:
            await asyncio.wait(self._runs, timeout=GRACE_SECONDS)
        for run in self._runs:
            run.cancel()

    async def _start_claimed(self) -> int:
        free = self._concurrency - len(self._runs)
        claimed = await self._claim(free) if free else []
        for each in claimed:
            run = asyncio.create_task(self._carry_out(each))
            self._runs.add(run)
            run.add_done_callback(self._ended)
        return len(claimed)

    def _ended(self, run: asyncio.Task[None]) -> None:
        self._runs.discard(run)
        self.wake()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()


class Every:
    """Says when it is time again, so that a line can do something at regular times."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._next = seconds, 0.0

    async def is_due(self, at_most: int) -> list[None]:
        """Return one item if it is time, else none."""
        now = asyncio.get_running_loop().time()
        if now < self._next:
            return []
        self._next = now + self._seconds
        return [None]


class Backlog:
    """The lines of one trigger. `context` is what each run starts with: the services and Prefect's client.

    `endpoints`: the names of those that get webhooks. `mailbox`: whether replies are fetched from one.
    """

    def __init__(self, context: contextvars.Context, endpoints: tuple[str, ...], *, mailbox: bool) -> None:
        self._context = context
        self._events = Line(MAX_CONCURRENT_EVENTS, _new_events, _handle)
        self._results = Line(MAX_CONCURRENT_CALLS, claim_call_results, _route)
        self._lines: tuple[Line[Any], ...] = (
            Line(MAX_CONCURRENT_REACTIVATIONS, _new_reactivations, _reactivate),
            Line(MAX_CONCURRENT_CHANGES, _new_changes, _change),
            self._events,
            Line(MAX_CONCURRENT_EMAILS, claim_reason_emails, _ask_for_reason),
            Line(MAX_CONCURRENT_EMAILS, claim_reminders, _remind),
            Line(MAX_CONCURRENT_EMAILS, claim_cancel_codes, _send_code),
            Line(MAX_CONCURRENT_TASKS, claim_task_events, _publish),
            Line(MAX_CONCURRENT_CALLS, claim_calls, _call),
            self._results,
            Line(MAX_CONCURRENT_REPLIES, claim_replies, _categorize),
            *([Line(1, Every(FETCH_EVERY_SECONDS).is_due, _fetch)] if mailbox else []),
            *(Line(MAX_CONCURRENT_WEBHOOKS, partial(claim_webhooks, each), partial(_send, each)) for each in endpoints),
        )
        self._asked: set[asyncio.Task[None]] = set()
        self._looking: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start to claim work."""
        self._looking = [asyncio.create_task(line.look(), context=self._context.copy()) for line in self._lines]

    def event_came(self) -> None:
        """Check for Stripe events immediately, after one was received."""
        self._events.wake()

    def result_came(self) -> None:
        """Check for results of calls immediately, after one was received."""
        self._results.wake()

    async def carry_out(self, its_flow: RequestFlow, request_id: UUID, deadline: float) -> None:
        """Run the flow for this request; return once its response is recorded, or at the deadline while it continues.

        A disconnecting caller does not affect the run. `deadline` is on the running loop's clock.
        """
        caller = WaitingCaller()
        run = asyncio.create_task(_for_a_caller(its_flow, request_id, caller), context=self._context.copy())
        self._asked.add(run)
        run.add_done_callback(self._asked.discard)
        run.add_done_callback(lambda _: caller.answered())
        await caller.wait(deadline)

    async def stop(self) -> None:
        """Stop claiming, and wait for the running runs."""
        for line in self._lines:
            line.take_no_more()
        for looking in self._looking:
            looking.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)
        await asyncio.gather(*(line.end() for line in self._lines))
        if self._asked:
            await asyncio.wait(self._asked, timeout=GRACE_SECONDS)


async def _for_a_caller(its_flow: RequestFlow, request_id: UUID, caller: WaitingCaller) -> None:
    with caller.calling():
        await run_flow(its_flow, request_id)


async def _new_reactivations(at_most: int) -> list[str]:
    return [each.id for each in await services().database.claim("reactivation", at_most, only_new=True)]


async def _new_changes(at_most: int) -> list[tuple[UUID, str]]:
    claimed = await services().database.claim("change", at_most, only_new=True)
    return [(UUID(each.id), str(each.user_id)) for each in claimed]


async def _new_events(at_most: int) -> list[str]:
    return [each.id for each in await services().database.claim_events(at_most, only_new=True)]


async def _reactivate(identifier: str) -> None:
    await run_flow(reactivate_subscription, UUID(identifier))


async def _change(claimed: tuple[UUID, str]) -> None:
    request_id, user_id = claimed
    await run_flow(CHANGES[await kind_of_change(request_id, user_id)], request_id)


async def _ask_for_reason(identifier: str) -> None:
    await run_flow(ask_for_reason, UUID(identifier))


async def _remind(identifier: str) -> None:
    await run_flow(remind_of_change, UUID(identifier))


async def _send_code(identifier: str) -> None:
    await run_flow(send_cancel_code, UUID(identifier))


async def _call(call_id: UUID) -> None:
    await run_flow(call_customer, call_id)


async def _route(call_id: UUID) -> None:
    await run_flow(route_call_result, call_id)


async def _categorize(reply_id: UUID) -> None:
    await run_flow(categorize_reply, reply_id)


async def _fetch(_: None) -> None:
    """Fetch replies. Several triggers may do so concurrently, because a reply is stored once."""
    try:
        await fetch_replies()
    except CancelflowError as error:
        log.warning("replies are fetched again later: %s", error)


async def _handle(identifier: str) -> None:
    await run_flow(handle_stripe_event, identifier)


async def _publish(due: DueTask) -> None:
    try:
        await publish_task(due)
    except CancelflowError as error:
        log.warning("the event of task %s is published later: %s", due.id, error)


async def _send(endpoint: str, due: DueWebhook) -> None:
    try:
        await send_webhook(endpoint, due)
    except CancelflowError as error:
        log.warning("webhook %s to %s is sent again later: %s", due.id, endpoint, error)
