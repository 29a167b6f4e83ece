"""Step 1: read which call has a result to route."""

from uuid import UUID

from nodes.call_results.records import HeardCall
from nodes.calls.owner import call_named
from nodes.node import node, run_log
from nodes.services import services


@node("Read Result", step="1")
async def read_result(call_id: UUID) -> HeardCall | None:
    """Return the call; None if its result was routed already, or the customer's data was deleted."""
    named = await call_named(call_id)
    if named is None:
        run_log().info("no result: the customer's data has been deleted")
        return None
    async with services().database.as_user(named.user_id) as transaction:
        return await transaction.one("call_heard", HeardCall, call_id=call_id)
