"""A request's status, from its row and not from the run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from nodes.requests.kind import Kind
from nodes.services import services


@dataclass(frozen=True)
class RequestStatus:
    """A request's status; `http_status` and `response` are None while it is under way."""

    id: UUID
    outcome: str | None
    http_status: int | None
    response: dict[str, Any] | None
    received_at: datetime
    finished_at: datetime | None


async def read_status(kind: Kind, request_id: UUID, user_id: str) -> RequestStatus:
    """Return the user's request, or raise the kind's `not_found`."""
    async with services().database.as_user(user_id) as transaction:
        request_status = await transaction.one(f"status_of_{kind.name}", RequestStatus, request_id=request_id)
    if request_status is None:
        raise kind.not_found
    return request_status
