"""What surrounds the steps of a reactivation: its services, its lease, its labels in the UI, and how it ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from flows.run_account import RunAccount, carried_out
from nodes.cancellation.caller import told_directly
from nodes.cancellation.records import Answer
from nodes.errors import BillingFailed, DatabaseUnavailable, Refusal
from nodes.node import run_log
from nodes.problems import problem, problem_of, slug_of
from nodes.reactivation.finish import finish
from nodes.reactivation.late_letter import send_refusal
from nodes.reactivation.records import ReactivationCase, ReactivationRequest
from nodes.reactivation.standing import leave, try_with_another_key

REACTIVATION_FAILED = "Reactivation failed, try again"


class Reactivation(RunAccount):
    """One run's account of itself."""

    def __init__(self, request_id: UUID) -> None:
        super().__init__("reactivate-subscription", request_id)
        self.request: ReactivationRequest | None = None

    def found(self, case: ReactivationCase) -> None:
        """Support finds the run by request, by subscription, by plan and by where it was asked for."""
        self.named_after(case.subscription.id)
        self._tags += [f"plan:{case.subscription.plan}", f"origin:{case.request.origin}"]

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
        await self.label()
        if self.request is None or self.answer is None or self.answer.outcome == "failed":
            return
        try:
            await leave(self.request_id, self.request.user_id)
        except DatabaseUnavailable as error:
            run_log().warning("to be taken up again: %s", error)


@asynccontextmanager
async def reactivation(request_id: UUID) -> AsyncIterator[Reactivation]:
    """Surround the steps of one reactivation; see `carried_out`."""
    async with carried_out(Reactivation(request_id)) as run:
        yield run
