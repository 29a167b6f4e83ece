"""Run a request's flow for the caller who waits for its response."""

import asyncio

from deployments.http.backlog import Backlog
from flows.resume_unfinished import RequestFlow
from nodes.errors import DatabaseUnavailable
from nodes.requests.intake import Received
from nodes.requests.kind import Kind
from nodes.requests.status import RequestStatus, read_status

# Deadline for the response, from the request's arrival (SPEC, Decided 12; under the specification's 10 s).
ANSWER_SECONDS = 8.0
# The end of ANSWER_SECONDS, kept for reading the response from the record.
LAST_LOOK_SECONDS = 0.5
# A repeated request polls for the first one's response.
JOINED_EVERY_SECONDS = 0.1


async def carried_out(
    kind: Kind, its_flow: RequestFlow, received: Received, user_id: str, backlog: Backlog, deadline: float
) -> RequestStatus | None:
    """Carry out the request, unless it is an earlier one that is under way; see `status_by`."""
    if received.response is None and not received.joined:
        await backlog.carry_out(its_flow, received.request_id, deadline - LAST_LOOK_SECONDS)
    return await status_by(deadline, kind, received, user_id)


async def status_by(deadline: float, kind: Kind, received: Received, user_id: str) -> RequestStatus | None:
    """Return the request's status once it has a response, or None at the deadline while it continues.

    Polls for the response of a request that was `joined`.
    """
    try:
        async with asyncio.timeout_at(deadline):
            request_status = await read_status(kind, received.request_id, user_id)
            while received.joined and request_status.response is None:
                await asyncio.sleep(JOINED_EVERY_SECONDS)
                request_status = await read_status(kind, received.request_id, user_id)
            return request_status
    except (DatabaseUnavailable, TimeoutError):
        return None  # the request is recorded and will be processed
