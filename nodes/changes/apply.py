"""Step 4 of every flow: make the change in Stripe, unless an earlier run has, and read it back."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from nodes.changes.in_effect import is_in_effect
from nodes.changes.records import Accepted, Applied
from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import BillingFailed
from nodes.node import run_log
from nodes.refusals.changes import PaymentDeclined
from nodes.requests.carrying_out import Work, carry_out
from nodes.rules.carriers import Action
from nodes.services import services
from nodes.subscriptions.read_back import settled


async def applied(accepted: Accepted, write: Callable[[], Awaitable[BillingSubscription]]) -> Applied:
    """Return the subscription with the change, as read back.

    Raises `BillingFailed`, `PaymentDeclined` if the customer's payment for the change failed, and what `carry_out`
    raises.
    """
    request, agreed, billed = accepted.case.request, accepted.agreed, accepted.case.subscription.billed
    if request.reached("applied"):
        run_log().info("already done")
        return Applied(accepted, billed)
    if is_to_do(accepted):
        work = Work(request, billed.id, cast("Action", request.kind), _terms(accepted))
        try:
            made = carry_out(work, write)
            billed = await settled(made, billed.id, lambda found: is_in_effect(request.kind, agreed, found))
        except BillingFailed as error:
            if error.declined:
                raise PaymentDeclined from None
            raise
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("change_applied", request_id=request.id, stripe_request_id=billed.stripe_request_id)
    run_log().info("%s is changed: %s, Stripe request %s", billed.id, request.kind, billed.stripe_request_id)
    return Applied(accepted, billed)


def is_to_do(accepted: Accepted) -> bool:
    """Return whether the change is still to be made in Stripe."""
    request = accepted.case.request
    return not (
        request.reached("applied") or is_in_effect(request.kind, accepted.agreed, accepted.case.subscription.billed)
    )


def _terms(accepted: Accepted) -> dict[str, Any]:
    """Return what a hook needs to make the change exactly as agreed."""
    terms = accepted.agreed.as_json()
    names = ("coupon_id", "current_discount", "behavior", "resumes_at", "price_id", "when", "prorate", "trial_ends_at")
    of_plan = {"when": accepted.agreed.when, "prorate": accepted.agreed.prorate} if accepted.agreed.price_id else {}
    return {"offer_id": accepted.case.request.offer_id, **{name: terms.get(name) for name in names}, **of_plan}
