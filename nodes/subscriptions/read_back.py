"""Verification: a write to Stripe counts only for what Stripe says when read back (SPEC, phase Verification)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from nodes.clients.billing_objects import BillingSubscription
from nodes.errors import BillingFailed, NotReadBack, VerificationFailed
from nodes.services import services


async def settled(
    write: Awaitable[BillingSubscription | None], subscription_id: str, done: Callable[[BillingSubscription], bool]
) -> BillingSubscription:
    """Do the write and return the subscription as read back after it.

    Raises `VerificationFailed` if Stripe took the write and does not show it, and `NotReadBack` if it took the write
    and cannot be asked: the work is then not given up, for it is most likely done. If the write's own answer was lost,
    what Stripe shows decides; if Stripe cannot be asked or does not show it, the write's error stands.
    """
    billing = services().billing
    try:
        written = await write
    except BillingFailed as error:
        found = await billing.glance(subscription_id) if error.uncertain else None
        if found is None:
            raise
        if not done(found):
            # An answer of Stripe's own came after the work; a call that was cut off may still be under way there.
            error.uncertain = not error.answered
            raise
        return replace(found, stripe_request_id=error.stripe_request_id)
    try:
        found = await billing.subscription(subscription_id)
    except BillingFailed as error:
        raise NotReadBack(f"Stripe took the change to {subscription_id} and cannot be read back: {error}") from None
    request_id = written.stripe_request_id if written else None
    if not done(found):
        message = f"Stripe took the change to {subscription_id} and, read back, does not show it"
        raise VerificationFailed(message, stripe_request_id=request_id, answered=True)
    return replace(found, stripe_request_id=request_id)
