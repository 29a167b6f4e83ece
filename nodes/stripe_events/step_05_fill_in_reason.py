"""Step 5: add a reason that arrived seconds or days after the cancellation."""

from nodes.node import node, run_log
from nodes.rules.reasons import MAX_FEEDBACK_CHARACTERS
from nodes.services import services
from nodes.stripe_events.records import Happened


@node("Fill In Reason", step="5")
async def fill_in_reason(happened: Happened) -> None:
    """Fill in the reason once, only for a cancellation that came from Stripe without one; a reason given here stays."""
    seen = happened.seen
    words = await services().billing.cancellation_comment(seen.billed.id)
    if not (seen.billed.feedback or words):
        return
    async with services().database.as_user(seen.user_id) as transaction:
        filled = await transaction.run(
            "fill_in_reason",
            subscription_id=seen.billed.id,
            category=seen.billed.feedback,
            feedback=words[:MAX_FEEDBACK_CHARACTERS].replace("\0", "") if words else None,
        )
    run_log().info("reason: %s", "filled in" if filled else "already known")
