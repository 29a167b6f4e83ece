"""Carry out what a customer decides in a session, as the requests that the API starts (FEATURES U13 to U16)."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from deployments.http.api.carry_out import ANSWER_SECONDS, LAST_LOOK_SECONDS, carried_out
from deployments.http.backlog import Backlog
from deployments.http.runner import Runner
from flows.resume_unfinished import CHANGES
from nodes.cancellation.intake import Asked as AskedToCancel
from nodes.cancellation.intake import receive as receive_cancellation
from nodes.changes.intake import Asked, kind_of, receive
from nodes.requests.kind import CHANGE
from nodes.requests.records import Response
from nodes.requests.status import RequestStatus
from nodes.sessions.records import Session


@dataclass(frozen=True)
class Decided:
    """The session's request. `response`: None while it is in progress, or until a person completes it."""

    request_id: UUID
    response: Response | None


@dataclass(frozen=True)
class InSession:
    """A call in a session. `arrived`: on the running loop's clock.

    Its methods raise `KeyUnderWay` for a call that repeats one in progress, `DatabaseUnavailable` and
    `TooManyAttempts`.
    """

    session: Session
    runner: Runner
    backlog: Backlog
    arrived: float

    @property
    def deadline(self) -> float:
        """When the customer must have a response, on the running loop's clock."""
        return self.arrived + ANSWER_SECONDS

    async def cancel(self, asked: AskedToCancel, key: str) -> Decided:
        """Cancel the subscription. `key`: the idempotency key."""
        runner = self.runner
        async with runner.receiving(self.deadline) as in_line:
            [received] = await receive_cancellation(
                asked,
                self.session.user_id,
                key,
                in_line=in_line,
                coming_in_seconds=asyncio.get_running_loop().time() - self.arrived,
                session_id=self.session.id,
            )
        response = received.response
        if response is None and not in_line:
            response = await runner.run(received.request_id, self.deadline - LAST_LOOK_SECONDS)
        return Decided(received.request_id, response)

    async def change(self, asked: Asked, key: str) -> Decided:
        """Accept an offer, or end a pause. `key`: the idempotency key."""
        session, kind = self.session, kind_of(asked)
        [received] = await receive(asked, kind, session.user_id, origin="api", key=key, session_id=session.id)
        status = await carried_out(CHANGE, CHANGES[kind], received, session.user_id, self.backlog, self.deadline)
        return Decided(received.request_id, response_in(status))


def response_in(status: RequestStatus | None) -> Response | None:
    """Return the response of a request that has one."""
    if status is None or status.outcome is None or status.http_status is None or status.response is None:
        return None
    return Response(status.outcome, status.http_status, status.response)
