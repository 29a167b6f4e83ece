"""Step 4 of every flow: make the change in Stripe, unless an earlier run has, and read it back."""

from collections.abc import Awaitable, Callable

from nodes.changes.in_effect import is_in_effect
from nodes.changes.records import Accepted, Applied
from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import BillingFailed
from nodes.node import run_log
from nodes.refusals import PaymentDeclined
from nodes.services import services
from nodes.subscriptions.read_back import settled


async def applied(accepted: Accepted, write: Callable[[], Awaitable[BillingSubscription]]) -> Applied:
    """Return the subscription with the change, as read back.

    Raises `BillingFailed`, and `PaymentDeclined` if the customer's payment for the change failed.
    """
    request, agreed, billed = accepted.case.request, accepted.agreed, accepted.case.subscription.billed
    if request.reached("applied"):
        run_log().info("already done")
        return Applied(accepted, billed)
    if not is_in_effect(request.kind, agreed, billed):
        try:
            billed = await settled(write(), billed.id, lambda found: is_in_effect(request.kind, agreed, found))
        except BillingFailed as error:
            if error.declined:
                raise PaymentDeclined from None
            raise
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("change_applied", request_id=request.id, stripe_request_id=billed.stripe_request_id)
    run_log().info("%s is changed: %s, Stripe request %s", billed.id, request.kind, billed.stripe_request_id)
    return Applied(accepted, billed)
