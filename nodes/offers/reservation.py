"""A discount in `retention_offers`: reserved before Stripe is called, then applied or withdrawn (SPEC, Decided 2)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from nodes.clients.billing.objects import BillingSubscription
from nodes.clients.database.client import Transaction
from nodes.errors import BillingFailed, VerificationFailed
from nodes.offers.agreed import Agreed
from nodes.refusals.carriers import ActionRefused
from nodes.rules.dates import discount_notice_at, months_after
from nodes.rules.offers import RetentionOffer
from nodes.services import services

# The constraint that a second discount within the cool-down violates.
ONE_OFFER = "one_retention_offer_in_its_cooldown"


async def reserve(
    transaction: Transaction,
    request_id: UUID,
    user_id: str,
    subscription_id: str,
    plan: str,
    discount: Agreed | RetentionOffer,
) -> None:
    """Reserve the discount for a request. Raises `ConstraintViolated` for `ONE_OFFER`."""
    await transaction.run(
        "reserve_offer",
        request_id=request_id,
        user_id=user_id,
        subscription_id=subscription_id,
        plan=plan,
        percent_off=discount.percent_off,
        months=discount.months,
        coupon_id=discount.coupon_id,
        current_discount=discount.current_discount,
        entitlements=list(discount.entitlements),
        cooldown_months=services().catalog.plan(plan).cooldown_months,
    )


@asynccontextmanager
async def withdrawn_on_failure(request_id: UUID, user_id: str) -> AsyncIterator[None]:
    """Withdraw the reservation if the block fails in Stripe: the failure is reported, so the customer may try again.

    If Stripe applied the coupon after all, the next try finds it attached and only records it.
    """
    try:
        yield
    except (BillingFailed, ActionRefused):
        async with services().database.as_user(user_id) as transaction:
            await transaction.run("withdraw_offer", request_id=request_id)
        raise


async def record_applied(
    transaction: Transaction,
    request_id: UUID,
    user_id: str,
    billed: BillingSubscription,
    discount: Agreed | RetentionOffer,
    *,
    starts_at: datetime,
    remind: bool = False,
) -> str:
    """Record that Stripe shows the discount, grant its entitlements, and return the discount's id.

    `remind`: the request has no reminder of its own, as a change has, so the offer has one.
    """
    found = billed.discount_of(str(discount.coupon_id))
    if found is None:
        raise VerificationFailed(f"{billed.id} has no discount of {discount.coupon_id}")
    remind_at = discount_notice_at(found.ends_at, starts_at) if remind else None
    await transaction.run("offer_applied", request_id=request_id, stripe_discount_id=found.id, remind_at=remind_at)
    for kind in discount.entitlements:
        await transaction.run(
            "grant_entitlement",
            request_id=request_id,
            user_id=user_id,
            subscription_id=billed.id,
            kind=kind,
            starts_at=starts_at,
            ends_at=months_after(starts_at, discount.months or 1),
        )
    return found.id
