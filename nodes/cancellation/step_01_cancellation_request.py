"""Step 1: claim a request, which was committed before the flow started (intake.py)."""

from uuid import UUID

from nodes.cancellation.records import CancellationRequest
from nodes.node import node, started_by_hand
from nodes.requests.claim import claim
from nodes.requests.kind import CANCELLATION


@node("Cancellation Request", step="1")
async def cancellation_request(request_id: UUID) -> CancellationRequest:
    """Claim the request, at the step it has reached. An operator who starts this run approves it (`manual_only`)."""
    return await claim(CANCELLATION, CancellationRequest, request_id, by_hand=started_by_hand())
