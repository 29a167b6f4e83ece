"""The context of a run that makes a change: services, lease, labels in the UI, and final state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from nodes.changes.late_emails import send_delay, send_refusal
from nodes.changes.records import ChangeCase, ChangeRequest
from nodes.messages.outbox import OFFER_REFUSED
from nodes.problems import problem_of, slug_of
from nodes.refusals.base import Refusal
from nodes.requests.caller import caller_waits
from nodes.requests.finish import finish
from nodes.requests.kind import CHANGES
from nodes.requests.park import SendDelay
from nodes.requests.records import Response
from nodes.requests.run import RunAccount, carried_out
from nodes.rules.ways_to_stay import ChangeKind
from nodes.services import services


class Change(RunAccount):
    """The response, labels and final state of a run."""

    request: ChangeRequest | None = None

    def __init__(self, request_id: UUID, kind: ChangeKind, flow_name: str) -> None:
        self.kind, self.flow_name = CHANGES[kind], flow_name
        super().__init__(request_id)

    @property
    def send_delay(self) -> SendDelay:
        """The email to a customer whose change takes longer."""
        return send_delay

    def found(self, case: ChangeCase) -> None:
        """Label the run so that support can find it by request, subscription, plan, offer and origin."""
        self.named_after(case.subscription.id)
        self._tags += [f"plan:{case.subscription.plan}", f"origin:{case.request.origin}"]
        if case.request.carried_out_by != "cancelflow":
            self._tags.append(f"carried_out_by:{case.request.carried_out_by}")
        if case.request.offer_id:
            self._tags.append(f"offer:{case.request.offer_id}")

    async def refused(self, refusal: Refusal) -> None:
        """Record the refusal, which ends the run successfully. A caller without a direct response gets an email."""
        self.response = Response(refusal.outcome, refusal.status, problem_of(refusal, self.request_id))
        if (request := self.request) is None:
            return
        if request.kind == "discount":
            async with services().database.as_user(request.user_id) as transaction:
                await transaction.run("withdraw_offer", request_id=request.id)
        async with caller_waits() as told:
            await finish(
                self.kind,
                request.id,
                request.user_id,
                self.response,
                problem=slug_of(refusal),
                email=None if told or request.origin == "stripe" else OFFER_REFUSED,
            )
        await self.together(send_refusal(request.id, request.user_id))


@asynccontextmanager
async def change(request_id: UUID, kind: ChangeKind, flow_name: str) -> AsyncIterator[Change]:
    """Surround the steps of a change; see `carried_out`."""
    async with carried_out(Change(request_id, kind, flow_name)) as run:
        yield run
