"""Where a request stands, from the record and not from the run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from nodes.requests.kind import Kind
from nodes.services import services


@dataclass(frozen=True)
class RequestStatus:
    """`http_status` and `answer` are None while it is under way."""

    id: UUID
    outcome: str | None
    http_status: int | None
    response: dict[str, Any] | None
    received_at: datetime
    finished_at: datetime | None


async def read_status(kind: Kind, request_id: UUID, user_id: str) -> RequestStatus:
    """Return the request, if it is this user's; raises the kind's `not_found`."""
    async with services().database.as_user(user_id) as transaction:
        status_now = await transaction.one(kind.status, RequestStatus, request_id=request_id)
    if status_now is None:
        raise kind.not_found
    return status_now
