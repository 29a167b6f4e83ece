"""The context of a run for a customer's request: services, lease, labels, and final state."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from nodes.errors import (
    BillingFailed,
    CancelflowError,
    DatabaseUnavailable,
    DoneByHand,
    EventsFailed,
    HookFailed,
    MailFailed,
    NeedsOperator,
)
from nodes.messages.records import Delivered
from nodes.node import run_log
from nodes.problems import problem, slug_of
from nodes.refusals.base import Refusal
from nodes.requests.caller import caller_waits
from nodes.requests.finish import finish
from nodes.requests.kind import Kind
from nodes.requests.lease import leased
from nodes.requests.park import SendDelay, park_request
from nodes.requests.records import Request, Response
from nodes.requests.retry import leave, leave_unfinished, reopen_once_back, try_with_another_key
from nodes.runs.fallback import flow_body
from nodes.runs.labels import label
from nodes.services import services, services_of_this_run


class RunAccount(ABC):
    """The response, labels and final state of a run. Its name in the UI begins with `flow_name` and the request id."""

    kind: Kind
    flow_name: str
    request: Request | None  # None until it is claimed

    def __init__(self, request_id: UUID) -> None:
        self.request_id = request_id
        self.response: Response | None = None
        self._name = f"{self.flow_name} {request_id}"
        self._tags = ["cancelflow"]
        self._undelivered: list[str] = []
        self._problem: str | None = None  # why it has to be resumed
        self._to_reopen = False
        self._held: str | None = None  # the command with which an operator continues

    @abstractmethod
    async def refused(self, refusal: Refusal) -> None:
        """Record the refusal, which ends the run successfully."""

    @property
    @abstractmethod
    def send_delay(self) -> SendDelay:
        """The function that emails the customer that the request takes longer."""

    async def held(self, reason: NeedsOperator) -> None:
        """Park the request for an operator: `cancelflow resume` approves it, `finish` completes one done by hand."""
        by_hand = isinstance(reason, DoneByHand)
        self._problem, self._held = slug_of(reason), f"cancelflow {'finish' if by_hand else 'resume'} {self.request_id}"
        run_log().warning("%s needs attention: %s: %s", self.kind.action, reason, self._held)
        if (request := self.request) is None:
            return
        try:
            await park_request(self.kind, request.id, request.user_id, self.send_delay, by_hand=by_hand)
        except (MailFailed, HookFailed) as error:
            run_log().warning("to be sent again: %s", error)

    async def failed(self, error: CancelflowError) -> None:
        """Record why the run failed. It is resumed later, unless Stripe failed and the caller waits for a response."""
        self._problem = slug_of(error)
        if isinstance(error, BillingFailed):
            await self.gave_up(error)

    async def gave_up(self, failure: BillingFailed) -> None:
        """Respond to a waiting caller that Stripe failed, and stop there.

        If no caller waits, since the deadline has passed or a process died, the request is resumed (SPEC, Decided 12).
        """
        if self.request is None:
            return
        owner = self.request.user_id
        if failure.answered:
            await try_with_another_key(self.kind, self.request_id, owner)
        async with caller_waits() as told:
            if told:
                await self._tell_failed(owner, failure)

    async def close(self) -> None:
        """Label the run with its outcome, and record whether to resume the request."""
        await self.label()
        if self.request is None:
            return
        try:
            if self._to_reopen:
                await reopen_once_back(self.kind, self.request_id, self.request.user_id)
            await self._leave(self.request.user_id)
        except DatabaseUnavailable as error:
            run_log().warning("to be resumed: %s", error)

    def named_after(self, subscription_id: str) -> None:
        """Add the subscription to the run's name, so that support can find it."""
        self._name = f"{self.flow_name} {self.request_id} {subscription_id}"

    async def together(self, *effects: Awaitable[Delivered]) -> None:
        """Run effects concurrently. One that fails is sent later and delays nothing.

        That includes an email whose open invoices could not be read from Stripe.
        """
        for result in await asyncio.gather(*effects, return_exceptions=True):
            if isinstance(result, MailFailed | EventsFailed | BillingFailed):
                self._undelivered.append(slug_of(result))
                self._problem = slug_of(result)
                run_log().warning("to be sent again: %s", result)
            elif isinstance(result, BaseException):
                raise result

    async def label(self) -> None:
        """Set the run's name and tags, once its outcome is known."""
        self._tags.append(f"outcome:{self.response.outcome if self.response else 'unfinished'}")
        self._tags.extend(f"undelivered:{what}" for what in self._undelivered)
        await label(self._name, self._tags)

    def state(self) -> State[None]:
        """Return the run's final state, which names the outcome in the list of runs."""
        if self._held:  # a failed state, so that alerts on failed runs reach an operator
            return Failed(name="NeedsAttention", message=f"for an operator: {self._held}")
        if self.response is None:
            raise RuntimeError("the run has no response")
        name = "Refused" if self.response.outcome == "refused" else "Completed"
        message = f"{self.response.http_status} {self.response.outcome}"
        if problem_type := self.response.body.get("type"):
            message += f": {problem_type.rpartition(':')[2]}"
        if self._undelivered:
            message += f"; to be sent again: {', '.join(self._undelivered)}"
        return Completed(name=name, message=message)

    async def _leave(self, owner: str) -> None:
        if self.response is not None and self.response.outcome == "failed":
            return  # `finish` has set when to recheck it
        if self._problem:
            await leave_unfinished(self.kind, self.request_id, owner, self._problem)
        if self.response is not None:
            await leave(self.kind, self.request_id, owner)

    async def _tell_failed(self, owner: str, failure: BillingFailed) -> None:
        response = Response("failed", 500, problem(500, self.kind.slug, self.kind.detail, self.request_id))
        try:
            recorded = await finish(
                self.kind,
                self.request_id,
                owner,
                response,
                problem=slug_of(failure),
                stripe_request_id=failure.stripe_request_id,
                recheck=failure.uncertain,
            )
        except DatabaseUnavailable:
            # The failure may be recorded, but the caller will be told that the request continues, so it must.
            self._to_reopen = True
            raise
        if recorded:
            self.response = response


Run = TypeVar("Run", bound=RunAccount)


@asynccontextmanager
async def carried_out(run: Run) -> AsyncIterator[Run]:
    """Surround the steps of a run, which holds the request's lease.

    A `Refusal` is recorded and ends the run successfully. A `BillingFailed` fails the run, and is recorded as the
    response if the caller waits for one. Any other failure fails the run and leaves the request to be resumed.
    """
    with flow_body():
        async with services_of_this_run(), leased(partial(services().database.renew_lease, run.request_id)):
            try:
                yield run
            except Refusal as refusal:
                await run.refused(refusal)
            except NeedsOperator as reason:
                await run.held(reason)
            except CancelflowError as error:
                await run.failed(error)
                raise
            finally:
                await run.close()
