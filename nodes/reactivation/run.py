"""The context of a reactivation run: services, lease, labels in the UI, and final state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from nodes.messages.outbox import NOT_REACTIVATED
from nodes.problems import problem_of, slug_of
from nodes.reactivation.late_emails import send_delay, send_refusal
from nodes.reactivation.records import ReactivationCase, ReactivationRequest
from nodes.refusals.base import Refusal
from nodes.refusals.reactivation import CancelledAgain
from nodes.requests.caller import caller_waits
from nodes.requests.finish import finish
from nodes.requests.kind import REACTIVATION
from nodes.requests.park import SendDelay
from nodes.requests.records import Response
from nodes.requests.run import RunAccount, carried_out


class Reactivation(RunAccount):
    """The response, labels and final state of a run."""

    kind = REACTIVATION
    flow_name = "reactivate-subscription"
    request: ReactivationRequest | None = None

    @property
    def send_delay(self) -> SendDelay:
        """The email to a customer whose reactivation takes longer."""
        return send_delay

    def found(self, case: ReactivationCase) -> None:
        """Label the run so that support can find it by request, subscription, plan and origin."""
        self.named_after(case.subscription.id)
        self._tags += [f"plan:{case.subscription.plan}", f"origin:{case.request.origin}"]

    async def refused(self, refusal: Refusal) -> None:
        """Record the refusal, which ends the run successfully. A caller without a direct response gets an email."""
        self.response = Response("refused", refusal.status, problem_of(refusal, self.request_id))
        if (request := self.request) is None:
            return
        async with caller_waits() as told:
            email = None if told or request.origin == "stripe" else NOT_REACTIVATED
            await finish(
                self.kind,
                request.id,
                request.user_id,
                self.response,
                problem=slug_of(refusal),
                email=email,
                withdraw=isinstance(refusal, CancelledAgain),
            )
        await self.together(send_refusal(request.id, request.user_id))


@asynccontextmanager
async def reactivation(request_id: UUID) -> AsyncIterator[Reactivation]:
    """Surround the steps of a reactivation; see `carried_out`."""
    async with carried_out(Reactivation(request_id)) as run:
        yield run
