"""Step 2: read back from Stripe whether the cancellation was taken back, if the result says so."""

from nodes.call_results.records import CheckedCall, HeardCall
from nodes.errors import BillingFailed
from nodes.node import node, run_log
from nodes.rules.statuses import is_live
from nodes.services import services


@node("Check Reversal", step="2")
async def check_reversal(call: HeardCall) -> CheckedCall:
    """A reversal counts only if Stripe shows it (FEATURES A12). Nothing is changed in Stripe."""
    shown = await _goes_on(call.subscription_id) if call.claims_reversal else None
    if shown is False:
        run_log().warning("the result says that %s was reversed, but Stripe doesn't show it", call.subscription_id)
    return CheckedCall(call, shown)


async def _goes_on(subscription_id: str) -> bool:
    try:
        billed = await services().billing.subscription(subscription_id)
    except BillingFailed as error:
        if error.code == "resource_missing":
            return False
        raise
    return is_live(billed.status) and not billed.pending
