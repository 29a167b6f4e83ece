"""Step 3: clear the cancellation in Stripe, and read the subscription back."""

from datetime import datetime

from nodes.node import node, run_log
from nodes.reactivation.records import Cleared, ReactivationCase, ReactivationRequest
from nodes.refusals.reactivation import CancelledAgain
from nodes.rules.statuses import is_live
from nodes.services import services
from nodes.subscriptions.read_back import settled


@node("Clear Cancellation", step="3")
async def clear_cancellation(case: ReactivationCase) -> Cleared:
    """Clear the field that is set, `cancel_at_period_end` or `cancel_at` (FEATURES W49; SPEC, Decided 7).

    Restores a fixed term that the cancellation had replaced. Writes nothing if an earlier run or Stripe's portal has
    already cleared it.
    """
    request, billed = case.request, case.subscription.billed
    if billed.pending and not request.reached("cleared"):  # once cleared, a new cancellation stays
        await _refuse_if_cancelled_again(request)
        term = await _term_before(case)
        billed = await settled(
            services().billing.take_back_cancellation(billed, term_ends_at=term, key=request.billing_key("clear")),
            billed.id,
            done=lambda found: is_live(found.status) and not found.pending and found.cancel_at == term,
        )
        run_log().info("%s no longer ends, Stripe request %s", billed.id, billed.stripe_request_id)
    else:
        run_log().info("%s has no end: nothing to write to Stripe", billed.id)
    if not request.reached("cleared"):
        async with services().database.as_user(request.user_id) as transaction:
            await transaction.run(
                "reactivation_cleared",
                request_id=request.id,
                renews_at=billed.current_period_end,
                stripe_request_id=billed.stripe_request_id if case.subscription.billed.pending else None,
            )
    return Cleared(case, billed)


async def _refuse_if_cancelled_again(request: ReactivationRequest) -> None:
    """Raise `CancelledAgain` if the customer has pressed cancel since, while this request waited: that counts."""
    async with services().database.as_user(request.user_id) as transaction:
        [cancelled] = await transaction.values("cancelled_since", request_id=request.id)
    if cancelled:
        raise CancelledAgain


async def _term_before(case: ReactivationCase) -> datetime | None:
    async with services().database.as_user(case.request.user_id) as transaction:
        found: list[datetime] = await transaction.values(
            "term_before_cancellation", subscription_id=case.subscription.id
        )
    return found[0] if found else None
