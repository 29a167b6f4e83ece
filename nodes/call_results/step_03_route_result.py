"""Step 3: put the tasks that follow from the result, and record the reason and a dispute."""

from nodes.call_results.records import CheckedCall, HeardCall
from nodes.calls.close import audit
from nodes.clients.database.client import Transaction
from nodes.node import node, run_log
from nodes.rules.calls.results import CallTask, Said, asks_why, tasks_after
from nodes.rules.reason_classes import reason_of
from nodes.services import services
from nodes.tasks.put import put_task


@node("Route Result", step="3")
async def route_result(checked: CheckedCall) -> None:
    """Do everything in one transaction; what was done already stays as it is (FEATURES A14, A15, A17)."""
    call = checked.heard
    async with services().database.as_user(call.user_id) as transaction:
        [said] = await transaction.all("call_reversed", Said, call_id=call.id, reversed=checked.reversed)
        tasks = list(tasks_after(said))
        for task in tasks:
            await _put(transaction, call, task)
        if "did_not_cancel" in said.requests_heard:
            await _dispute(transaction, call)
        if said.reason_class:
            reason = reason_of(said.reason_class)
            await transaction.run("fill_in_missing_reason", request_id=call.request_id, category=reason, feedback=None)
        if asks_why(said):
            await transaction.run("ask_why_now", request_id=call.request_id)
    run_log().info("tasks: %s", ", ".join(task.kind for task in tasks) or "none")


async def _put(transaction: Transaction, call: HeardCall, task: CallTask) -> None:
    await put_task(
        transaction,
        user_id=call.user_id,
        kind=task.kind,
        key=f"{call.id}:{task.about}" if task.about else str(call.id),
        subscription_id=call.subscription_id,
        request_id=call.request_id,
        said=task.said,
    )


async def _dispute(transaction: Transaction, call: HeardCall) -> None:
    """Mark the cancellation as disputed. It stands: people look into it, and the customer can reactivate."""
    if await transaction.run("dispute_cancellation", request_id=call.request_id):
        await audit(transaction, call, "disputed", "suspected_fraud")
