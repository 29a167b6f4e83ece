"""Step 1: claim a request, which was committed before the flow started (intake.py)."""

from uuid import UUID

from nodes.changes.records import ChangeRequest
from nodes.node import node
from nodes.requests.claim import claim
from nodes.requests.kind import CHANGE


@node("Change Request", step="1")
async def change_request(request_id: UUID) -> ChangeRequest:
    """Claim the request, at the step it has reached."""
    return await claim(CHANGE, ChangeRequest, request_id)
