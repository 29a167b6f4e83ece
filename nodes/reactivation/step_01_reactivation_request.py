"""Step 1: claim a request, which was committed before the flow started (intake.py)."""

from uuid import UUID

from prefect.runtime import flow_run

from nodes.errors import RequestUnknown
from nodes.node import node, run_log
from nodes.reactivation.records import ReactivationRequest
from nodes.services import services


@node("Reactivation Request", step="1")
async def reactivation_request(request_id: UUID) -> ReactivationRequest:
    """Claim the request, at the step it has reached."""
    database = services().database
    owner = await database.owner_of_reactivation(request_id)
    if owner is None:
        raise RequestUnknown(f"no reactivation has the id {request_id}")
    async with database.as_user(owner) as transaction:
        request = await transaction.one(
            "claim_reactivation", ReactivationRequest, request_id=request_id, flow_run_id=flow_run.id
        )
    if request is None:
        raise RequestUnknown(f"no reactivation has the id {request_id}")
    run_log().info("reactivation %s of user %s, step reached: %s", request.id, request.user_id, request.recovery_point)
    return request
