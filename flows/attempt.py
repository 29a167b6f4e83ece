"""What surrounds the steps of a run: its services, its four phases, its labels in the UI, and how it ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from flows.run_account import RunAccount, carried_out
from nodes.cancellation.caller import told_directly
from nodes.cancellation.finish import finish
from nodes.cancellation.late_letters import finish_refused, send_refusal
from nodes.cancellation.leave import leave, reopen_once_back, try_with_another_key
from nodes.cancellation.records import ActiveSubscription, Answer, CancellationRequest
from nodes.errors import BillingFailed, DatabaseUnavailable, Refusal
from nodes.node import run_log
from nodes.problems import CANCELLATION_FAILED, problem, problem_of, slug_of


class Attempt(RunAccount):
    """One run's account of itself."""

    def __init__(self, request_id: UUID) -> None:
        super().__init__("cancel-subscription", request_id)
        self.request: CancellationRequest | None = None
        self._to_reopen = False

    def phase(self, name: str) -> None:
        """Initialization, Processing, Verification or Finalization (FEATURES W21)."""
        run_log().info("Phase: %s", name)

    def found(self, subscription: ActiveSubscription) -> None:
        """At its end the run is named and tagged, so that support finds it by request, by subscription and by plan."""
        self.named_after(subscription.id)
        self._tags.append(f"plan:{subscription.plan}")

    async def refused(self, refusal: Refusal) -> None:
        """The steps end here, and that is a proper end. A caller who was told that it goes on is written to."""
        self.answer = Answer("refused", refusal.status, problem_of(refusal, self.request_id))
        if subscription_id := refusal.extensions.get("subscription_id"):
            self.named_after(subscription_id)
        if self.request is not None:
            async with told_directly() as told:
                await finish_refused(self.request, refusal, self.answer, told=told)
            await self.together(send_refusal(self.request_id, self.request.user_id))

    async def gave_up(self, failure: BillingFailed) -> None:
        """Stripe did not do it: the caller is told so, and nothing goes on. Past their deadline they were told that it
        does, and after a process died they were told nothing: then it is taken up again (SPEC, Decided 12).
        """
        if self.request is None:
            return
        if failure.answered:
            await try_with_another_key(self.request.id, self.request.user_id)
        async with told_directly() as told:
            if told:
                await self._tell_failed(self.request, failure)

    async def _tell_failed(self, request: CancellationRequest, failure: BillingFailed) -> None:
        body = problem(500, "cancellation-failed", CANCELLATION_FAILED, self.request_id)
        answer = Answer("failed", 500, body)
        try:
            recorded = await finish(
                request.id,
                request.user_id,
                answer,
                problem=slug_of(failure),
                stripe_request_id=failure.stripe_request_id,
                look_again=failure.uncertain,
            )
        except DatabaseUnavailable:
            # It may be recorded, and the caller will be told that it goes on: then it must.
            self._to_reopen = True
            raise
        if recorded:
            self.answer = answer

    async def close(self) -> None:
        """Say how it ended, and when to look at it again."""
        await self.label()
        if self._to_reopen and self.request is not None:
            await reopen_once_back(self.request.id, self.request.user_id)
        if self.request is None or self.answer is None or self.answer.outcome == "failed":
            return  # unfinished, or told as failed just now: its row says when to look again, if ever
        try:
            await leave(self.request_id, self.request.user_id)
        except DatabaseUnavailable as error:
            run_log().warning("to be taken up again: %s", error)


@asynccontextmanager
async def attempt(request_id: UUID) -> AsyncIterator[Attempt]:
    """Surround the steps of one run of WF-023; see `carried_out`."""
    async with carried_out(Attempt(request_id)) as run:
        yield run
