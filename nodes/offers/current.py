"""The current retention offer of a subscription, and the count of times it was shown."""

from uuid import UUID

from nodes.offers.counting import count_shown
from nodes.rules.offers import RetentionOffer, offer_for
from nodes.services import services
from nodes.subscriptions.by_hand import is_by_hand
from nodes.subscriptions.records import ActiveSubscription


async def current_offer(subscription: ActiveSubscription, request_id: UUID | None = None) -> RetentionOffer | None:
    """Return the offer for the subscription's current state in Stripe (FEATURES W04, W31, F06, F07).

    `request_id`: the request that accepts the offer; its own reservation doesn't count as a used offer.
    """
    billed = subscription.billed
    if is_by_hand(subscription):
        return None
    terms = offer_for(
        services().catalog.plan(subscription.plan).offer,
        status=billed.status,
        billed_monthly=billed.billed_monthly,
        has_schedule=billed.schedule_id is not None,
        discounted=_discounted(subscription, accepting=request_id is not None),
        when_discounted=services().settings.offer_when_discounted,
    )
    if terms is None:
        return None
    async with services().database.as_user(subscription.user_id) as transaction:
        [used] = await transaction.values(
            "offer_within_its_cooldown", user_id=subscription.user_id, request_id=request_id
        )
    return None if used else terms


def _discounted(subscription: ActiveSubscription, *, accepting: bool) -> bool:
    """Return whether the subscription has a discount.

    While `accepting`, the offer's own coupon doesn't count: it came from the portal, or a try whose response was lost.
    """
    offer, billed = services().catalog.plan(subscription.plan).offer, subscription.billed
    own = offer.coupon_id if accepting and offer else None
    return any(each.runs(billed.read_at) and each.coupon_id != own for each in billed.discounts_in_force)


async def show_offer(subscription: ActiveSubscription) -> RetentionOffer | None:
    """Return the offer to show, or None if an end is set or it was shown on the plan's maximum of days (F04, F08)."""
    terms = None if subscription.billed.pending else await current_offer(subscription)
    screens = services().catalog.plan(subscription.plan).screens_per_period
    if terms is None or await _screens_before_today(subscription) >= screens:
        return None
    await count_shown(subscription, "offer_shown")
    return terms


async def _screens_before_today(subscription: ActiveSubscription) -> int:
    async with services().database.as_user(subscription.user_id) as transaction:
        [screens] = await transaction.values(
            "offer_screens_before_today",
            subscription_id=subscription.id,
            since=subscription.billed.current_period_start,
        )
    return int(screens)
