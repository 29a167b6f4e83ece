"""Step 7: turn a cancellation that was revoked in Stripe into a reactivation request, without a write to Stripe."""

from nodes.errors import ConstraintViolated
from nodes.node import node, run_log
from nodes.services import services
from nodes.stripe_events.our_own import recheck_failed
from nodes.stripe_events.records import Happened, Later


@node("Ask For Reactivation", step="7")
async def ask_for_reactivation(happened: Happened) -> Later | None:
    """Record the request that `reactivate-subscription` carries out, unless one is under way (FEATURES W49).

    Returns `Later` if a request that was reported as failed made the change, so that the customer is notified once.
    """
    seen = happened.seen
    if later := await recheck_failed(seen):
        return later
    try:
        async with services().database.as_user(seen.user_id) as transaction:
            await transaction.run("one_intake_at_a_time", user_id=seen.user_id)
            made = await transaction.values(
                "receive_reactivation_from_stripe", user_id=seen.user_id, subscription_id=seen.billed.id
            )
    except ConstraintViolated as violated:
        if violated.constraint != "one_reactivation_at_a_time":
            raise
        made = []
    run_log().info("reactivation %s", made[0] if made else "is already under way")
    return None
