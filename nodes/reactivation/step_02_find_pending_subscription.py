"""Step 2: find the subscription, under row-level security, and check that it has not ended."""

from nodes.errors import ConstraintViolated
from nodes.node import node, run_log
from nodes.reactivation.look_up import choose, ended_subscription, has_ended
from nodes.reactivation.records import ReactivationCase, ReactivationRequest
from nodes.refusals.cancellation import StillFailed
from nodes.refusals.reactivation import CancelledAgain
from nodes.refusals.requests import AlreadyRefused, RequestUnderWay
from nodes.requests.kind import REACTIVATION
from nodes.services import services
from nodes.subscriptions.find import find_subscription
from nodes.subscriptions.records import ActiveSubscription


@node("Find Pending Subscription", step="2")
async def find_pending_subscription(request: ReactivationRequest) -> ReactivationCase:
    """Find the subscription to reactivate, and refuse one whose period has ended (FEATURES W49)."""
    if request.outcome == "refused":
        raise AlreadyRefused
    row = await choose(request.user_id, request.subscription_id or request.asked_subscription)
    subscription = await find_subscription(request.user_id, row.id)
    await _choose(request, subscription)
    run_log().info("%s on plan %s is %s", subscription.id, subscription.plan, subscription.billed.status)
    if request.outcome == "failed":
        await _look_again(request, subscription)
    _refuse(request, subscription)
    active_already = False
    if not request.reached("marked_active"):
        # If Stripe's portal revoked an announced cancellation, the reactivation still has to be announced.
        active_already = not subscription.billed.pending and not subscription.billed.announced
    return ReactivationCase(request, subscription, active_already=active_already and not request.reached("cleared"))


def _refuse(request: ReactivationRequest, subscription: ActiveSubscription) -> None:
    if request.reached("finished"):
        return  # it has its response, and later changes belong to other requests
    if has_ended(subscription.billed) and not request.reached("marked_active"):
        raise ended_subscription()
    # The cancellation is newer than this request, which either came from Stripe or has already been cleared there.
    if subscription.billed.pending and (request.origin == "stripe" or request.reached("cleared")):
        raise CancelledAgain


async def _look_again(request: ReactivationRequest, subscription: ActiveSubscription) -> None:
    """Reopen a request that was reported as failed if Stripe applied it after all, else raise `StillFailed`.

    SPEC, Decided 12.
    """
    if request.superseded or subscription.billed.pending or has_ended(subscription.billed):
        raise StillFailed(REACTIVATION.detail)
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("reopen_reactivation", request_id=request.id, asked_for=False)


async def _choose(request: ReactivationRequest, subscription: ActiveSubscription) -> None:
    try:
        async with services().database.as_user(request.user_id) as transaction:
            await transaction.run("choose_reactivation", request_id=request.id, subscription_id=subscription.id)
    except ConstraintViolated as violated:
        if violated.constraint == "one_reactivation_at_a_time":
            raise RequestUnderWay from None
        raise
