"""Step 2: find the user's subscription, under row-level security, and its current state in Stripe."""

from nodes.changes.in_effect import is_in_effect
from nodes.changes.records import ChangeCase, ChangeRequest
from nodes.errors import ConstraintViolated
from nodes.node import node, run_log
from nodes.offers.agreed import agreed_in
from nodes.refusals.cancellation import StillFailed
from nodes.refusals.requests import AlreadyRefused, RequestUnderWay
from nodes.requests.kind import CHANGE
from nodes.services import services
from nodes.subscriptions.find import find_subscription, refuse_ended
from nodes.subscriptions.records import ActiveSubscription


@node("Find Subscription To Change", step="2")
async def find_subscription_to_change(request: ChangeRequest) -> ChangeCase:
    """Find the subscription, and refuse one that has ended (FEATURES U06)."""
    if request.outcome == "refused":
        raise AlreadyRefused
    subscription = await find_subscription(request.user_id, request.subscription_id or request.asked_subscription)
    if request.outcome == "failed":
        await _look_again(request, subscription)
    elif request.superseded:
        raise StillFailed(CHANGE.detail)
    if not request.reached("applied"):
        refuse_ended(subscription)
    await _choose(request, subscription)
    run_log().info("%s on plan %s is %s", subscription.id, subscription.plan, subscription.billed.status)
    return ChangeCase(request, subscription)


async def _look_again(request: ChangeRequest, subscription: ActiveSubscription) -> None:
    """Reopen a request that was reported as failed if Stripe applied it after all, else raise `StillFailed`.

    SPEC, Decided 12.
    """
    agreed, billed = agreed_in(request.agreed), subscription.billed
    if request.superseded or agreed is None or not is_in_effect(request.kind, agreed, billed):
        if request.kind == "plan_change" and billed.schedule_id and billed.scheduled is None:
            # Begun by step 4C, whose second write was lost. With a schedule, no offer fits the subscription.
            await services().billing.release_schedule(billed.schedule_id, key=request.billing_key("4C:release"))
        raise StillFailed(CHANGE.detail)
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("reopen_change", request_id=request.id, asked_for=False)


async def _choose(request: ChangeRequest, subscription: ActiveSubscription) -> None:
    """Reserve the subscription for this request until it is finished, which the database enforces."""
    try:
        async with services().database.as_user(request.user_id) as transaction:
            await transaction.run(
                "choose_subscription_to_change",
                request_id=request.id,
                subscription_id=subscription.id,
                plan=subscription.plan,
            )
    except ConstraintViolated as violated:
        if violated.constraint == "one_change_at_a_time":
            raise RequestUnderWay from None
        raise
