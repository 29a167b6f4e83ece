"""Record what became of a call in its row and, once for each reason, in the audit log."""

from nodes.calls.records import Call, Closed, WaitingCall
from nodes.clients.database.client import Transaction
from nodes.node import run_log
from nodes.rules.dates import rfc3339
from nodes.services import services


async def close(call: WaitingCall, closed: Closed) -> None:
    """Record a closed gate: the call isn't placed, or waits until the gate may be open (FEATURES A05)."""
    async with services().database.as_user(call.user_id) as transaction:
        recorded = await transaction.run("close_call", call_id=call.id, gate=closed.gate, until=closed.until)
        if recorded and closed.gate != call.gate:
            await audit(transaction, call, "waiting" if closed.until else "not_placed", closed.gate)
    until = f"looked at again at {rfc3339(closed.until)}" if closed.until else "not placed"
    run_log().info("%s: the call is %s", closed.gate, until)


async def audit(transaction: Transaction, call: Call, outcome: str, problem: str | None = None) -> None:
    """Write an audit row about a call, for which no caller waits."""
    await transaction.run(
        "write_audit",
        user_id=call.user_id,
        action="call_customer",
        request_id=call.id,
        asked_user_id=call.user_id,
        subscription_id=call.subscription_id,
        outcome=outcome,
        http_status=None,
        problem=problem,
        stripe_request_id=None,
    )
