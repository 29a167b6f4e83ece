"""Step 1: claim a request, which was committed before the flow started (intake.py)."""

from uuid import UUID

from prefect.runtime import flow_run

from nodes.cancellation.records import CancellationRequest
from nodes.errors import RequestUnknown
from nodes.node import node, run_log, started_by_hand
from nodes.services import services


@node("Cancellation Request", step="1")
async def cancellation_request(request_id: UUID) -> CancellationRequest:
    """Claim the request, at the step it has reached. A failed one is reopened if an operator started this run."""
    database = services().database
    owner = await database.owner_of_request(request_id)
    if owner is None:
        raise RequestUnknown(f"no cancellation request has the id {request_id}")
    async with database.as_user(owner) as transaction:
        if started_by_hand():
            await transaction.run("reopen_request", request_id=request_id, asked_for=True)
        request = await transaction.one(
            "claim_request",
            CancellationRequest,
            request_id=request_id,
            flow_run_id=flow_run.id,
            by_hand=started_by_hand(),
        )
    if request is None:
        raise RequestUnknown(f"no cancellation request has the id {request_id}")
    run_log().info("request %s of user %s, step reached: %s", request.id, request.user_id, request.recovery_point)
    return request
