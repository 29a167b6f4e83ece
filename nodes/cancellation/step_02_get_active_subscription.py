"""Step 2: find the user's active subscription, under row-level security, and its current state in Stripe."""

from datetime import datetime

from nodes.cancellation.policy import refuse_expired_preview
from nodes.cancellation.records import CancellationCase, CancellationRequest
from nodes.cancellation.refusals import refuse_in_fixed_term, refuse_pending
from nodes.errors import ConstraintViolated, NeedsOperator
from nodes.node import node, run_log
from nodes.refusals.cancellation import StillFailed
from nodes.refusals.changes import OfferUnavailable
from nodes.refusals.requests import AlreadyRefused, RequestUnderWay
from nodes.rules.progress import RecoveryPoint
from nodes.rules.renewals import paid_until
from nodes.rules.statuses import is_live
from nodes.services import services
from nodes.subscriptions.by_hand import is_by_hand
from nodes.subscriptions.find import find_subscription, refuse_ended
from nodes.subscriptions.records import ActiveSubscription

ONE_AT_A_TIME = "one_request_at_a_time"


@node("Get Active Subscription", step="2")
async def get_active_subscription(request: CancellationRequest) -> CancellationCase:
    """Find the subscription, and refuse one that has ended or has an end date (FEATURES W02, W23, W24)."""
    if request.outcome == "refused":
        raise AlreadyRefused
    asked = request.subscription_id or request.asked_subscription
    subscription = await find_subscription(request.user_id, asked)
    if request.outcome == "failed":
        await _look_again(request, subscription)
    made_by_page = request.carried_out_by == "page"
    if request.superseded or not (request.begun or made_by_page):
        refuse_ended(subscription)
        refuse_pending(subscription)
        if not request.accept_offer:
            await refuse_in_fixed_term(subscription)
            await refuse_expired_preview(request, subscription.billed)
    until = await _choose(request, subscription)
    run_log().info("%s on plan %s is %s", subscription.id, subscription.plan, subscription.billed.status)
    if request.accept_offer and is_by_hand(subscription) and not request.reached(RecoveryPoint.DISCOUNT_APPLIED):
        raise OfferUnavailable
    # There, a person does it anyway, or somebody has done it.
    approved = request.approved or is_by_hand(subscription) or made_by_page
    if services().catalog.plan(subscription.plan).manual_only and not (request.accept_offer or approved):
        raise NeedsOperator(f"the plan {subscription.plan} is manual_only")
    return CancellationCase(request, subscription, paid_until=until)


async def _look_again(request: CancellationRequest, subscription: ActiveSubscription) -> None:
    """Reopen a request that was reported as failed if Stripe applied it after all, else raise `StillFailed`.

    SPEC, Decided 12.
    """
    billed, offer = subscription.billed, services().catalog.plan(subscription.plan).offer
    if request.accept_offer:
        did_it = offer is not None and billed.discount_of(offer.coupon_id) is not None
    else:
        did_it = billed.pending or not is_live(billed.status)
    if request.superseded or not did_it:
        raise StillFailed
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("reopen_cancellation", request_id=request.id, asked_for=False)


async def _choose(request: CancellationRequest, subscription: ActiveSubscription) -> datetime:
    """Reserve the subscription for this request until it is finished, which the database enforces.

    Returns the end of the paid period, as found in the request's first run.
    """
    billed = subscription.billed
    first_seen = paid_until(
        period_start=billed.last_period_start,
        period_end=billed.current_period_end,
        read_at=billed.read_at,
        waited=request.waited,
    )
    try:
        async with services().database.as_user(request.user_id) as transaction:
            [until] = await transaction.values(
                "choose_subscription", request_id=request.id, subscription_id=subscription.id, paid_until=first_seen
            )
    except ConstraintViolated as violated:
        if violated.constraint == ONE_AT_A_TIME:
            raise RequestUnderWay from None
        raise
    found: datetime = until
    return found
