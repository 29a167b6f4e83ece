"""The context of a cancellation run: services, the four phases, labels in the UI, and final state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from nodes.cancellation.late_emails import finish_refused, send_delay, send_refusal
from nodes.cancellation.records import CancellationRequest
from nodes.node import run_log
from nodes.problems import problem_of
from nodes.refusals.base import Refusal
from nodes.requests.caller import caller_waits
from nodes.requests.kind import CANCELLATION
from nodes.requests.park import SendDelay
from nodes.requests.records import Response
from nodes.requests.run import RunAccount, carried_out
from nodes.subscriptions.records import ActiveSubscription


class Attempt(RunAccount):
    """The response, labels and final state of a run."""

    kind = CANCELLATION
    flow_name = "cancel-subscription"
    request: CancellationRequest | None = None

    def phase(self, name: str) -> None:
        """Log the phase: Initialization, Processing, Verification or Finalization (FEATURES W21)."""
        run_log().info("Phase: %s", name)

    def found(self, subscription: ActiveSubscription) -> None:
        """Label the run so that support can find it by request, subscription and plan."""
        self.named_after(subscription.id)
        self._tags.append(f"plan:{subscription.plan}")
        if self.request and self.request.carried_out_by != "cancelflow":
            self._tags.append(f"carried_out_by:{self.request.carried_out_by}")

    @property
    def send_delay(self) -> SendDelay:
        """The email to a customer whose cancellation takes longer."""
        return send_delay

    async def refused(self, refusal: Refusal) -> None:
        """Record the refusal, which ends the run successfully. A caller without a direct response gets an email."""
        self.response = Response(refusal.outcome, refusal.status, problem_of(refusal, self.request_id))
        if subscription_id := refusal.extensions.get("subscription_id"):
            self.named_after(subscription_id)
        if (request := self.request) is not None:
            async with caller_waits() as told:
                await finish_refused(request, refusal, self.response, told=told)
            await self.together(send_refusal(request.id, request.user_id))


@asynccontextmanager
async def attempt(request_id: UUID) -> AsyncIterator[Attempt]:
    """Surround the steps of a run of WF-023; see `carried_out`."""
    async with carried_out(Attempt(request_id)) as run:
        yield run
