"""Step 5A: attach the coupon in addition to a current discount or in its place; the subscription stays active."""

from datetime import UTC, datetime

from nodes.cancellation.records import AppliedDiscount, CancellationCase, Decision
from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import ConstraintViolated
from nodes.messages.outbox import DISCOUNT
from nodes.node import node, run_log
from nodes.offers.reservation import ONE_OFFER, record_applied, reserve, withdrawn_on_failure
from nodes.refusals.changes import OfferUnavailable
from nodes.requests.carrying_out import Work, carry_out
from nodes.rules.offers import RetentionOffer
from nodes.rules.progress import RecoveryPoint
from nodes.services import services
from nodes.subscriptions.read_back import settled


@node("Apply Retention Discount", step="5A")
async def apply_retention_discount(decision: Decision) -> AppliedDiscount:
    """Reserve the one offer of the cool-down, attach it in Stripe, read it back and record it (W05, W08, W31)."""
    case, terms = decision.case, decision.accepted
    if terms is None:
        raise ValueError("a discount is applied only if an offer was accepted")
    await _reserve(case, terms)
    async with withdrawn_on_failure(case.request.id, case.request.user_id):
        billed = await _attach(case, terms)
    discount = await _record(case, terms, billed)
    run_log().info("%s for %s on %s as %s", terms.discount, terms.duration, billed.id, discount)
    return AppliedDiscount(case, billed, terms, discount)


async def _reserve(case: CancellationCase, terms: RetentionOffer) -> None:
    request = case.request
    if request.reached(RecoveryPoint.DISCOUNT_APPLIED):
        return
    try:
        async with services().database.as_user(request.user_id) as transaction:
            subscription = case.subscription
            await reserve(transaction, request.id, request.user_id, subscription.id, subscription.plan, terms)
            await transaction.run("cancellation_reached", request_id=request.id, recovery_point="offer_reserved")
    except ConstraintViolated as violated:
        if violated.constraint == ONE_OFFER:
            raise OfferUnavailable from None
        raise


async def _attach(case: CancellationCase, terms: RetentionOffer) -> BillingSubscription:
    billing, billed, request = services().billing, case.subscription.billed, case.request
    if billed.discount_of(terms.coupon_id):
        return billed
    coupon_id = await billing.coupons.ensure(terms.terms, key=request.billing_key("5A:coupon"))
    keep = () if terms.current_discount == "replaced" else billed.discounts_in_force
    key = request.billing_key("5A")
    its_terms = {"coupon_id": coupon_id, "current_discount": terms.current_discount}
    return await settled(
        carry_out(
            Work(request, billed.id, "discount", its_terms),
            lambda: billing.apply_coupon(billed.id, coupon_id, keep=keep, key=key),
        ),
        billed.id,
        done=lambda found: found.discount_of(coupon_id) is not None and not found.pending,
    )


async def _record(case: CancellationCase, terms: RetentionOffer, billed: BillingSubscription) -> str:
    request = case.request
    async with services().database.as_user(request.user_id) as transaction:
        discount = await record_applied(
            transaction, request.id, request.user_id, billed, terms, starts_at=datetime.now(UTC), remind=True
        )
        if request.reported_failed:
            await transaction.run("put_in_outbox", request_id=request.id, user_id=request.user_id, kind=DISCOUNT)
        await transaction.run("discount_applied", request_id=request.id, stripe_request_id=billed.stripe_request_id)
    return discount
