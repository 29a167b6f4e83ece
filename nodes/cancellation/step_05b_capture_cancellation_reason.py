"""Step 5B: record why the customer cancels, for churn analysis."""

from nodes.cancellation.records import CapturedReason, Decision
from nodes.node import node, run_log
from nodes.rules.progress import RecoveryPoint
from nodes.rules.reasons import PREFER_NOT_TO_SAY
from nodes.services import services


@node("Capture Cancellation Reason", step="5B")
async def capture_cancellation_reason(decision: Decision) -> CapturedReason:
    """Add a row to `cancellation_reasons`: category, free text, timestamp (FEATURES W10)."""
    request, subscription = decision.case.request, decision.case.subscription
    category = request.reason or PREFER_NOT_TO_SAY
    if not request.reached(RecoveryPoint.REASON_CAPTURED):
        async with services().database.as_user(request.user_id) as transaction:
            await transaction.run(
                "capture_reason",
                request_id=request.id,
                user_id=request.user_id,
                subscription_id=subscription.id,
                plan=subscription.plan,
                category=category,
            )
            await transaction.run("reason_captured", request_id=request.id)
    run_log().info("reason: %s", category)
    return CapturedReason(decision.case, category)
