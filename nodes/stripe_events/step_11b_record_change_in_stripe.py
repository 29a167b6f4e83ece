"""Step 11B: turn a change made in Stripe into a request, without a write to Stripe."""

from nodes.errors import ConstraintViolated
from nodes.node import node, run_log
from nodes.offers.from_stripe import agreed_in_stripe
from nodes.offers.reservation import ONE_OFFER, reserve
from nodes.services import services
from nodes.stripe_events.our_own import recheck_failed
from nodes.stripe_events.records import Happened, Later


@node("Record Change In Stripe", step="11B")
async def record_change_in_stripe(happened: Happened) -> Later | None:
    """Record the request that the flow of its kind carries out, from the step after Stripe's (FEATURES F29).

    Returns `Later` if a request that was reported as failed made the change, so that the customer is notified once.
    """
    seen = happened.seen
    if later := await recheck_failed(seen):
        return later
    kind = seen.unrecorded
    if kind is None:
        raise ValueError("nothing is unrecorded")
    agreed = await agreed_in_stripe(kind, seen.plan, seen.billed)
    try:
        async with services().database.as_user(seen.user_id) as transaction:
            await transaction.run("one_intake_at_a_time", user_id=seen.user_id)
            made = await transaction.values(
                "receive_change_from_stripe",
                user_id=seen.user_id,
                subscription_id=seen.billed.id,
                plan=seen.plan,
                kind=kind,
                agreed=agreed.as_json(),
            )
            if made and kind == "discount":
                await reserve(transaction, made[0], seen.user_id, seen.billed.id, seen.plan, agreed)
    except ConstraintViolated as violated:
        # Another change is under way, or the coupon was added within the cool-down of another offer.
        if violated.constraint not in ("one_change_at_a_time", ONE_OFFER):
            raise
        made = []
    run_log().info("%s %s", kind, made[0] if made else "is not recorded: another change or offer is in the way")
    return None
