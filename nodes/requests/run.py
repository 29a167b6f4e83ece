"""What surrounds the steps of a run that a customer asked for: its services, its lease, its labels, and how it ends."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial
from typing import ClassVar, TypeVar
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from nodes.errors import (
    BillingFailed,
    CancelflowError,
    DatabaseUnavailable,
    EventsFailed,
    MailFailed,
    NeedsOperator,
    Refusal,
)
from nodes.messages.records import Delivered
from nodes.node import run_log
from nodes.problems import problem, slug_of
from nodes.requests.caller import caller_waits
from nodes.requests.finish import finish
from nodes.requests.kind import Kind
from nodes.requests.lease import leased
from nodes.requests.records import Request, Response
from nodes.requests.retry import leave, leave_unfinished, reopen_once_back, try_with_another_key
from nodes.runs.fallback import flow_body
from nodes.runs.labels import label
from nodes.services import services, services_of_this_run


class RunAccount(ABC):
    """One run's account of itself. `flow_name` and the request's id begin its name in the UI."""

    kind: ClassVar[Kind]
    flow_name: ClassVar[str]
    request: Request | None  # once it is taken up, and there is somebody to answer

    def __init__(self, request_id: UUID) -> None:
        self.request_id = request_id
        self.response: Response | None = None
        self._name = f"{self.flow_name} {request_id}"
        self._tags = ["cancelflow"]
        self._undelivered: list[str] = []
        self._problem: str | None = None  # why it is to be taken up again
        self._to_reopen = False
        self._held = False  # for an operator

    @abstractmethod
    async def refused(self, refusal: Refusal) -> None:
        """The steps end here, and that is a proper end."""

    async def held(self, reason: NeedsOperator) -> None:
        """Leave the request to an operator, who carries it out by `cancelflow resume`."""
        self._problem, self._held = slug_of(reason), True
        run_log().warning("%s needs attention: %s: cancelflow resume %s", self.kind.action, reason, self.request_id)

    async def failed(self, error: CancelflowError) -> None:
        """It is taken up again, unless it was Stripe that failed and somebody waits for an answer."""
        self._problem = slug_of(error)
        if isinstance(error, BillingFailed):
            await self.gave_up(error)

    async def gave_up(self, failure: BillingFailed) -> None:
        """Stripe did not do it: the caller is told so, and nothing goes on. Past their deadline they were told that it
        does, and after a process died they were told nothing: then it is taken up again (SPEC, Decided 12).
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
        """Say how it ended, and when to look at it again."""
        await self.label()
        if self.request is None:
            return
        if self._to_reopen:
            await reopen_once_back(self.kind, self.request_id, self.request.user_id)
        try:
            await self._leave(self.request.user_id)
        except DatabaseUnavailable as error:
            run_log().warning("to be taken up again: %s", error)

    def named_after(self, subscription_id: str) -> None:
        """Support finds the run by its subscription too."""
        self._name = f"{self.flow_name} {self.request_id} {subscription_id}"

    async def together(self, *effects: Awaitable[Delivered]) -> None:
        """Run effects side by side. An email or event that is not taken is sent later and holds up nothing; so is a
        email for which Stripe does not say what is open.
        """
        for result in await asyncio.gather(*effects, return_exceptions=True):
            if isinstance(result, MailFailed | EventsFailed | BillingFailed):
                self._undelivered.append(slug_of(result))
                self._problem = slug_of(result)
                run_log().warning("to be sent again: %s", result)
            elif isinstance(result, BaseException):
                raise result

    async def label(self) -> None:
        """Name and tags, once it is known how it ended."""
        self._tags.append(f"outcome:{self.response.outcome if self.response else 'unfinished'}")
        self._tags.extend(f"undelivered:{what}" for what in self._undelivered)
        await label(self._name, self._tags)

    def state(self) -> State[None]:
        """Return the run's last state: a word for the outcome, for whoever looks down the list of runs."""
        if self._held:  # as failed, so that whatever watches failed runs tells an operator
            return Failed(name="NeedsAttention", message=f"for an operator: cancelflow resume {self.request_id}")
        if self.response is None:
            raise RuntimeError("a run ends with an answer")
        name = "Refused" if self.response.outcome == "refused" else "Completed"
        message = f"{self.response.http_status} {self.response.outcome}"
        if problem_type := self.response.body.get("type"):
            message += f": {problem_type.rpartition(':')[2]}"
        if self._undelivered:
            message += f"; to be sent again: {', '.join(self._undelivered)}"
        return Completed(name=name, message=message)

    async def _leave(self, owner: str) -> None:
        if self.response is not None and self.response.outcome == "failed":
            return  # told just now: its row says when to look again, if ever
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
            # It may be recorded, and the caller will be told that it goes on: then it must.
            self._to_reopen = True
            raise
        if recorded:
            self.response = response


Run = TypeVar("Run", bound=RunAccount)


@asynccontextmanager
async def carried_out(run: Run) -> AsyncIterator[Run]:
    """Surround the steps of one run, which holds the request's lease while it lasts.

    A `Refusal` is recorded and ends the run well. A `BillingFailed` fails the run, and is recorded as the answer where
    someone waits for one. Any other failure fails the run and leaves the request where it stands, to be taken up again.
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
