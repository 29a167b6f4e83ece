"""Step 1: claim a request, which was committed before the flow started (intake.py)."""

from uuid import UUID

from nodes.node import node
from nodes.reactivation.records import ReactivationRequest
from nodes.requests.claim import claim
from nodes.requests.kind import REACTIVATION


@node("Reactivation Request", step="1")
async def reactivation_request(request_id: UUID) -> ReactivationRequest:
    """Claim the request, at the step it has reached."""
    return await claim(REACTIVATION, ReactivationRequest, request_id)
