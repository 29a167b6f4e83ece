"""Step 11: record a retention coupon that was accepted in Stripe's portal as a retention offer."""

from datetime import UTC, datetime

from nodes.errors import ConstraintViolated
from nodes.messages.webhooks import put_webhooks
from nodes.node import node, run_log
from nodes.offers.reservation import ONE_OFFER
from nodes.rules.dates import discount_notice_at
from nodes.services import services
from nodes.stripe_events.records import Happened


@node("Record Portal Offer", step="11")
async def record_portal_offer(happened: Happened) -> None:
    """Add a row to `retention_offers` if the plan's coupon is attached and not recorded yet (FEATURES F23, W31).

    Other coupons, and one within the cool-down of the last offer, are ignored.
    """
    seen = happened.seen
    plan = services().catalog.plan(seen.plan)
    offer = plan.offer
    discount = seen.billed.discount_of(offer.coupon_id) if offer else None
    if offer is None or discount is None:
        return
    try:
        async with services().database.as_user(seen.user_id) as transaction:
            recorded = await transaction.values(
                "record_portal_offer",
                user_id=seen.user_id,
                subscription_id=seen.billed.id,
                plan=offer.plan,
                percent_off=offer.percent_off,
                months=offer.months,
                coupon_id=offer.coupon_id,
                cooldown_months=plan.cooldown_months,
                stripe_discount_id=discount.id,
                remind_at=discount_notice_at(discount.ends_at, datetime.now(UTC)),
                response={
                    "success": True,
                    "retention_applied": True,
                    "discount": offer.discount,
                    "duration": offer.duration,
                },
            )
            for request_id in recorded:
                await put_webhooks(transaction, request_id)
    except ConstraintViolated as violated:
        if violated.constraint != ONE_OFFER:
            raise
        recorded = []
    run_log().info("offer %s: %s", offer.coupon_id, "recorded" if recorded else "already known")
