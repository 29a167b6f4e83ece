"""Step 1 of every kind: claim a request, which was committed before the flow started."""

from typing import TypeVar
from uuid import UUID

from prefect.runtime import flow_run

from nodes.errors import RequestUnknown
from nodes.node import run_log, started_by_hand
from nodes.requests.kind import Kind
from nodes.requests.records import Request
from nodes.services import services

Row = TypeVar("Row", bound=Request)


async def claim(kind: Kind, row: type[Row], request_id: UUID, **parameters: object) -> Row:
    """Claim the request, at the step it has reached. A failed one is reopened if an operator started this run.

    Raises `RequestUnknown`.
    """
    database, request = services().database, None
    if owner := await database.owner_of(kind.name, request_id):
        async with database.as_user(owner) as transaction:
            if started_by_hand():
                await transaction.run(f"reopen_{kind.name}", request_id=request_id, asked_for=True)
            request = await transaction.one(
                f"claim_{kind.name}", row, request_id=request_id, flow_run_id=flow_run.id, **parameters
            )
    if request is None:
        raise RequestUnknown(f"no {kind.name} has the id {request_id}")
    run_log().info("%s %s of user %s, step reached: %s", kind.name, request.id, request.user_id, request.recovery_point)
    return request
