"""Carry out what a customer decides in a session, as the requests that the API starts (FEATURES U13 to U16)."""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from uuid import UUID

from deployments.http.api.carry_out import ANSWER_SECONDS, LAST_LOOK_SECONDS, carried_out
from deployments.http.backlog import Backlog
from deployments.http.runner import Runner
from flows.resume_unfinished import CHANGES
from nodes.cancellation.intake import Asked as AskedToCancel
from nodes.cancellation.intake import receive as receive_cancellation
from nodes.changes.intake import Asked, kind_of, receive
from nodes.requests.kind import CANCELLATION, CHANGE, Kind
from nodes.requests.records import Response
from nodes.requests.status import RequestStatus, read_status
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

    async def cancel(self, subscription_id: str, reason: str, feedback: str | None = None) -> Decided:
        """Cancel the subscription."""
        session, runner = self.session, self.runner
        asked = AskedToCancel(session.user_id, reason, feedback, accept_offer=False, subscription_id=subscription_id)
        key = await _key(session, CANCELLATION, session.cancellation_id, asked.fingerprint())
        async with runner.receiving(self.deadline) as in_line:
            [received] = await receive_cancellation(
                asked,
                session.user_id,
                key,
                in_line=in_line,
                coming_in_seconds=asyncio.get_running_loop().time() - self.arrived,
                session_id=session.id,
            )
        response = received.response
        if response is None and not in_line:
            response = await runner.run(received.request_id, self.deadline - LAST_LOOK_SECONDS)
        return Decided(received.request_id, response)

    async def change(self, asked: Asked) -> Decided:
        """Accept an offer, or end a pause."""
        session, kind = self.session, kind_of(asked)
        fingerprint = hashlib.sha256(json.dumps([asked.offer_id, asked.choice], sort_keys=True).encode()).digest()
        key = await _key(session, CHANGE, session.change_id, fingerprint)
        [received] = await receive(asked, kind, session.user_id, origin="api", key=key, session_id=session.id)
        status = await carried_out(CHANGE, CHANGES[kind], received, session.user_id, self.backlog, self.deadline)
        return Decided(received.request_id, response_in(status))


def response_in(status: RequestStatus | None) -> Response | None:
    """Return the response of a request that has one."""
    if status is None or status.outcome is None or status.http_status is None or status.response is None:
        return None
    return Response(status.outcome, status.http_status, status.response)


async def _key(session: Session, kind: Kind, last: UUID | None, fingerprint: bytes) -> str:
    """Return the idempotency key: the same action in the same session is one request, however often it is pressed.

    After a refusal (of the `last` request), the next press is another request.
    """
    refused = last is not None and (await read_status(kind, last, session.user_id)).outcome == "refused"
    return f"session:{session.id}:{fingerprint.hex()[:32]}:{last if refused else ''}"
