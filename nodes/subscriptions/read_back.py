"""Verification: a write to Stripe counts only after the subscription is read back (SPEC, phase Verification)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import BillingFailed, NotReadBack, VerificationFailed
from nodes.services import services


async def settled(
    write: Awaitable[BillingSubscription | None], subscription_id: str, done: Callable[[BillingSubscription], bool]
) -> BillingSubscription:
    """Run the write, by cancelflow or the company's hook, and return the subscription as read back afterwards.

    Raises `VerificationFailed` if the write was accepted but Stripe does not show it, and `NotReadBack` if Stripe could
    not be read afterwards: the request is then retried, because the write is most likely applied. If the write's
    response was lost, the subscription is read to decide; unless it shows the change, the write's error is raised.
    """
    billing = services().billing
    try:
        written = await write
    except BillingFailed as error:
        found = await billing.glance(subscription_id) if error.uncertain else None
        if found is None:
            raise
        if not done(found):
            # Stripe responds after the work is done, but a call that was cut off may still be in progress there.
            error.uncertain = not error.answered
            raise
        return replace(found, stripe_request_id=error.stripe_request_id)
    try:
        found = await billing.subscription(subscription_id)
    except BillingFailed as error:
        raise NotReadBack(f"{subscription_id} was changed but can't be read back: {error}") from None
    request_id = written.stripe_request_id if written else None
    if not done(found):
        message = f"the change to {subscription_id} was accepted, but Stripe does not show it"
        raise VerificationFailed(message, stripe_request_id=request_id, answered=True)
    return replace(found, stripe_request_id=request_id)
