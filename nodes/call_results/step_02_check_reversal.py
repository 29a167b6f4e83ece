"""Step 2: read back from Stripe whether the cancellation was taken back, if the result says so."""

from nodes.call_results.records import CheckedCall, HeardCall
from nodes.node import node, run_log
from nodes.subscriptions.reversal import is_reversed


@node("Check Reversal", step="2")
async def check_reversal(call: HeardCall) -> CheckedCall:
    """Return the call with what Stripe shows: a reversal counts only then (FEATURES A12). Nothing is changed."""
    shown = await is_reversed(call.subscription_id) if call.claims_reversal else None
    if shown is False:
        run_log().warning("the result says that %s was reversed, but Stripe doesn't show it", call.subscription_id)
    return CheckedCall(call, shown)
