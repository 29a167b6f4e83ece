"""The reservation of a discount: the one offer of the cool-down, before Stripe is called (SPEC, Decided 2)."""

from uuid import UUID

from nodes.clients.database import Transaction
from nodes.offers.agreed import Agreed
from nodes.services import services


async def reserve(
    transaction: Transaction, request_id: UUID, user_id: str, subscription_id: str, plan: str, agreed: Agreed
) -> None:
    """Reserve the discount for a request; the database refuses a second one within the plan's cool-down."""
    await transaction.run(
        "reserve_offer",
        request_id=request_id,
        user_id=user_id,
        subscription_id=subscription_id,
        plan=plan,
        percent_off=agreed.percent_off,
        months=agreed.months,
        coupon_id=agreed.coupon_id,
        current_discount=agreed.current_discount,
        entitlements=list(agreed.entitlements),
        cooldown_months=services().catalog.plan(plan).cooldown_months,
    )
