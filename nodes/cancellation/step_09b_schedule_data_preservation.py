"""Step 9B: keep the customer's data for 90 days after the cancellation takes effect, until WF-056 deletes it."""

from nodes.cancellation.records import PendingCancellation
from nodes.messages.records import Delivered
from nodes.node import node, run_log
from nodes.rules.dates import rfc3339
from nodes.rules.progress import RecoveryPoint
from nodes.services import services


@node("Schedule Data Preservation (90 days)", step="9B")
async def schedule_data_preservation(pending: PendingCancellation) -> Delivered:
    """Schedule a job in `data_retention_jobs`, at `cancel_at` + 90 days (FEATURES W16)."""
    request, subscription = pending.case.request, pending.case.subscription
    if request.reached(RecoveryPoint.FINISHED):  # a later cancellation may have its own job by now
        run_log().info("already done")
        return Delivered("data_retention_job")
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("drop_other_retention_jobs", subscription_id=subscription.id, request_id=request.id)
        await transaction.run(
            "schedule_data_retention",
            request_id=request.id,
            user_id=request.user_id,
            subscription_id=subscription.id,
            cancel_at=pending.cancel_at,
            run_at=pending.data_retention_until,
        )
    run_log().info("data is kept until %s", rfc3339(pending.data_retention_until))
    return Delivered("data_retention_job")
