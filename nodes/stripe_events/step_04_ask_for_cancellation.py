"""Step 4: turn a cancellation in Stripe's portal or dashboard into a cancellation request."""

from uuid import UUID

from nodes.clients.database.client import Transaction
from nodes.errors import ConstraintViolated
from nodes.node import node, run_log
from nodes.rules.reasons import MAX_FEEDBACK_CHARACTERS, PREFER_NOT_TO_SAY
from nodes.rules.statuses import is_live
from nodes.rules.stripe_changes import EventOutcome
from nodes.services import services
from nodes.stripe_events.our_own import REQUEST_SECONDS, recheck_failed
from nodes.stripe_events.records import Happened, Later, Seen

# The portal cancels first and asks why afterwards: a reason given immediately is recorded before the event is sent.
REASON_SECONDS = 5.0


@node("Ask For Cancellation", step="4")
async def ask_for_cancellation(happened: Happened) -> Later | None:
    """Record a request that begins after Stripe's part; `cancel-subscription` carries it out (FEATURES N01).

    Returns `Later` while a reason may still arrive, or if another request has to finish first.
    """
    seen = happened.seen
    if later := await recheck_failed(seen):
        return later
    reason, words = await _reason(seen)
    if not (reason or words) and seen.event.tries == 1 and happened.outcome is EventOutcome.LEAVES:
        return Later("a reason may still arrive", REASON_SECONDS)
    try:
        async with services().database.as_user(seen.user_id) as transaction:
            await transaction.run("one_intake_at_a_time", user_id=seen.user_id)
            request_id = await _write(transaction, seen, reason, words)
    except ConstraintViolated as violated:
        if violated.constraint != "one_request_at_a_time":
            raise
        request_id = None
    run_log().info("request %s", request_id or "is already under way")
    return (
        Later("its cancellation is announced before its end", REQUEST_SECONDS)
        if happened.outcome is EventOutcome.LEFT
        else None
    )


async def _reason(seen: Seen) -> tuple[str | None, str | None]:
    """Return reason and comment, unless they are from an earlier cancellation: Stripe keeps them if it is revoked."""
    words = await services().billing.cancellation_comment(seen.billed.id)
    words = words[:MAX_FEEDBACK_CHARACTERS].replace("\0", "") if words else None
    async with services().database.as_user(seen.user_id) as transaction:
        [before] = await transaction.values(
            "said_before", subscription_id=seen.billed.id, category=seen.billed.feedback, feedback=words
        )
    return (None, None) if before else (seen.billed.feedback, words)


async def _write(transaction: Transaction, seen: Seen, reason: str | None, words: str | None) -> UUID | None:
    billed = seen.billed
    cancel_at = billed.cancel_at if is_live(billed.status) else billed.ended_at
    taken_over: list[UUID] = await transaction.values(
        "take_over_parked", subscription_id=billed.id, plan=seen.plan, cancel_at=cancel_at
    )
    if taken_over:
        return taken_over[0]
    made: list[UUID] = await transaction.values(
        "receive_from_stripe",
        user_id=seen.user_id,
        subscription_id=billed.id,
        reason=reason,
        cancel_at=cancel_at,
        period_end=billed.current_period_end,
        ask_why_after=None if reason or words else services().settings.ask_why_after,
    )
    if not made:
        return None
    await transaction.run(
        "capture_reason_from_stripe",
        request_id=made[0],
        user_id=seen.user_id,
        subscription_id=billed.id,
        plan=seen.plan,
        category=reason or PREFER_NOT_TO_SAY,
        feedback=words,
    )
    return made[0]
