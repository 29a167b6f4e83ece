"""What surrounds the steps of a reactivation: its services, its lease, its labels in the UI, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.labels import label
from flows.shown import flow_body
from nodes.cancellation.caller import told_directly
from nodes.cancellation.lease import leased
from nodes.cancellation.records import Answer, Delivered
from nodes.errors import BillingFailed, DatabaseUnavailable, EventsFailed, MailFailed, Refusal
from nodes.node import run_log
from nodes.problems import problem, problem_of, slug_of
from nodes.reactivation.finish import finish
from nodes.reactivation.late_letter import send_refusal
from nodes.reactivation.records import ReactivationCase, ReactivationRequest
from nodes.reactivation.standing import leave, try_with_another_key
from nodes.services import services_of_this_run

REACTIVATION_FAILED = "Reactivation failed, try again"


class Reactivation:
    """One run's account of itself."""

    def __init__(self, request_id: UUID) -> None:
        self.request_id = request_id
        self.request: ReactivationRequest | None = None
        self.answer: Answer | None = None
        self._tags = ["cancelflow"]
        self._name = f"reactivate-subscription {request_id}"
        self._undelivered: list[str] = []

    def found(self, case: ReactivationCase) -> None:
        """Support finds the run by request, by subscription, by plan and by where it was asked for."""
        self._name = f"reactivate-subscription {self.request_id} {case.subscription.id}"
        self._tags += [f"plan:{case.subscription.plan}", f"origin:{case.request.origin}"]

    async def together(self, *effects: Awaitable[Delivered]) -> None:
        """Run effects side by side. A letter or event that is not taken is sent later and holds up nothing."""
        for result in await asyncio.gather(*effects, return_exceptions=True):
            if isinstance(result, MailFailed | EventsFailed):
                self._undelivered.append(slug_of(result))
                run_log().warning("to be sent again: %s", result)
            elif isinstance(result, BaseException):
                raise result

    async def refused(self, refusal: Refusal) -> None:
        """A proper end. A customer who was told that it goes on is written to."""
        self.answer = Answer("refused", refusal.status, problem_of(refusal, self.request_id))
        if (request := self.request) is None:
            return
        async with told_directly() as told:
            write = not told and request.origin != "stripe"
            await finish(request.id, request.user_id, self.answer, problem=slug_of(refusal), write=write)
        await self.together(send_refusal(request.id, request.user_id))

    async def gave_up(self, failure: BillingFailed) -> None:
        """Stripe did not do it: a caller who waits is told so, and nothing goes on; else it is taken up again."""
        if (request := self.request) is None:
            return
        if failure.answered:
            await try_with_another_key(request.id, request.user_id)
        async with told_directly() as told:
            if told:
                body = problem(500, "reactivation-failed", REACTIVATION_FAILED, request.id)
                answer = Answer("failed", 500, body)
                if await finish(
                    request.id,
                    request.user_id,
                    answer,
                    problem=slug_of(failure),
                    stripe_request_id=failure.stripe_request_id,
                    look_again=failure.uncertain,
                ):
                    self.answer = answer

    async def close(self) -> None:
        """Say how it ended, and when to look at it again."""
        self._tags.append(f"outcome:{self.answer.outcome if self.answer else 'unfinished'}")
        self._tags.extend(f"undelivered:{what}" for what in self._undelivered)
        await label(self._name, self._tags)
        if self.request is None or self.answer is None or self.answer.outcome == "failed":
            return
        try:
            await leave(self.request_id, self.request.user_id)
        except DatabaseUnavailable as error:
            run_log().warning("to be taken up again: %s", error)

    def state(self) -> State[None]:
        """The run's last state: a word for the outcome."""
        if self.answer is None:
            raise RuntimeError("a run ends with an answer")
        name = "Refused" if self.answer.outcome == "refused" else "Completed"
        message = f"{self.answer.http_status} {self.answer.outcome}"
        if self._undelivered:
            message += f"; to be sent again: {', '.join(self._undelivered)}"
        return Completed(name=name, message=message)


@asynccontextmanager
async def reactivation(request_id: UUID) -> AsyncIterator[Reactivation]:
    """Surround the steps of one run, which holds the request's lease while it lasts.

    A `Refusal` is recorded and ends the run well; a `BillingFailed` fails it, and is the answer where someone waits for
    one; any other failure fails the run and leaves the request where it stands, to be taken up again.
    """
    with flow_body():
        async with services_of_this_run(), leased(request_id):
            run = Reactivation(request_id)
            try:
                yield run
            except Refusal as refusal:
                await run.refused(refusal)
            except BillingFailed as failure:
                await run.gave_up(failure)
                raise
            finally:
                await run.close()
