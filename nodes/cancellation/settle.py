"""Verification: a write to Stripe counts only for what Stripe says when read back (SPEC, phase Verification)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from nodes.clients.billing import BillingSubscription
from nodes.errors import BillingFailed, VerificationFailed
from nodes.services import services


async def settled(
    write: Awaitable[BillingSubscription | None], subscription_id: str, done: Callable[[BillingSubscription], bool]
) -> BillingSubscription:
    """Do the write and return the subscription as read back after it.

    Raises `VerificationFailed` if Stripe took the write and does not show it. If the write's answer was lost, what
    Stripe shows decides; if Stripe cannot be asked or does not show it, the write's own error stands.
    """
    billing = services().billing
    try:
        written = await write
    except BillingFailed as error:
        found = await billing.glance(subscription_id) if error.uncertain else None
        if found is None or not done(found):
            raise
        return replace(found, stripe_request_id=error.stripe_request_id)
    found = await billing.subscription(subscription_id)
    request_id = written.stripe_request_id if written else None
    if not done(found):
        message = f"Stripe took the change to {subscription_id} and, read back, does not show it"
        raise VerificationFailed(message, stripe_request_id=request_id)
    return replace(found, stripe_request_id=request_id)
