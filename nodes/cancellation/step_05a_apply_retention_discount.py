"""Step 5A: attach the coupon in addition to a current discount or in its place; the subscription stays active."""

from datetime import UTC, datetime

from nodes.cancellation.records import AppliedDiscount, CancellationCase, Decision
from nodes.clients.billing_objects import BillingSubscription
from nodes.errors import BillingFailed, ConstraintViolated, VerificationFailed
from nodes.messages.outbox import DISCOUNT
from nodes.node import node, run_log
from nodes.refusals import OfferUnavailable
from nodes.rules.dates import months_after
from nodes.rules.offers import RetentionOffer
from nodes.rules.progress import RecoveryPoint
from nodes.services import services
from nodes.subscriptions.read_back import settled

ONE_AT_A_TIME = "one_retention_offer_in_its_cooldown"


@node("Apply Retention Discount", step="5A")
async def apply_retention_discount(decision: Decision) -> AppliedDiscount:
    """Reserve the one offer of the cool-down, attach it in Stripe, read it back and record it (W05, W08, W31)."""
    case, terms = decision.case, decision.accepted
    if terms is None:
        raise ValueError("a discount is applied only if an offer was accepted")
    await _reserve(case, terms)
    try:
        billed = await _attach(case, terms)
    except BillingFailed:
        # The failure is reported, so the customer may try again. If Stripe applied the coupon after all, the next try
        # finds it attached and only records it.
        async with services().database.as_user(case.request.user_id) as transaction:
            await transaction.run("withdraw_offer", request_id=case.request.id)
        raise
    discount = await _record(case, terms, billed)
    run_log().info("%s for %s on %s as %s", terms.discount, terms.duration, billed.id, discount)
    return AppliedDiscount(case, billed, terms, discount)


async def _reserve(case: CancellationCase, terms: RetentionOffer) -> None:
    request = case.request
    if request.reached(RecoveryPoint.DISCOUNT_APPLIED):
        return
    try:
        async with services().database.as_user(request.user_id) as transaction:
            await transaction.run(
                "reserve_offer",
                request_id=request.id,
                user_id=request.user_id,
                subscription_id=case.subscription.id,
                plan=case.subscription.plan,
                percent_off=terms.percent_off,
                months=terms.months,
                coupon_id=terms.coupon_id,
                current_discount=terms.current_discount,
                entitlements=list(terms.entitlements),
                cooldown_months=services().catalog.plan(case.subscription.plan).cooldown_months,
            )
            await transaction.run("cancellation_reached", request_id=request.id, recovery_point="offer_reserved")
    except ConstraintViolated as violated:
        if violated.constraint == ONE_AT_A_TIME:
            raise OfferUnavailable from None
        raise


async def _attach(case: CancellationCase, terms: RetentionOffer) -> BillingSubscription:
    billing, billed, request = services().billing, case.subscription.billed, case.request
    if billed.discount_of(terms.coupon_id):
        return billed
    coupon_id = await billing.coupons.ensure(terms.terms, key=request.billing_key("5A:coupon"))
    keep = () if terms.current_discount == "replaced" else billed.discounts_in_force
    return await settled(
        billing.apply_coupon(billed.id, coupon_id, keep=keep, key=request.billing_key("5A")),
        billed.id,
        done=lambda found: found.discount_of(coupon_id) is not None and not found.pending,
    )


async def _record(case: CancellationCase, terms: RetentionOffer, billed: BillingSubscription) -> str:
    discount = billed.discount_of(terms.coupon_id)
    if discount is None:
        raise VerificationFailed(f"{billed.id} has no discount of {terms.coupon_id}")
    request, now = case.request, datetime.now(UTC)
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("offer_applied", request_id=request.id, stripe_discount_id=discount.id)
        for kind in terms.entitlements:
            await transaction.run(
                "grant_entitlement",
                request_id=request.id,
                user_id=request.user_id,
                subscription_id=billed.id,
                kind=kind,
                starts_at=now,
                ends_at=months_after(now, terms.months),
            )
        if request.reported_failed:
            await transaction.run("put_in_outbox", request_id=request.id, user_id=request.user_id, kind=DISCOUNT)
        await transaction.run("discount_applied", request_id=request.id, stripe_request_id=billed.stripe_request_id)
    return discount.id
