"""Step 1: check that the customer may be called, and may be called now."""

from uuid import UUID

from nodes.calls.close import close
from nodes.calls.gates import closed_gate
from nodes.calls.owner import call_named
from nodes.calls.records import WaitingCall
from nodes.node import node, run_log
from nodes.services import services


@node("Check Gates", step="1")
async def check_gates(call_id: UUID) -> WaitingCall | None:
    """Return the call if every gate is open; otherwise record the one that is closed, with its reason."""
    named = await call_named(call_id)
    if named is None:
        run_log().info("no call: the customer's data has been deleted")
        return None
    async with services().database.as_user(named.user_id) as transaction:
        call = await transaction.one("call_to_make", WaitingCall, call_id=call_id)
    if call is None:
        run_log().info("the call is decided already")
        return None
    closed = await closed_gate(call)
    if closed is None:
        return call
    await close(call, closed)
    return None
