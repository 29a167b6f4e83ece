"""The offer that holds now, and its showing, which is counted."""

import logging
from uuid import UUID

from nodes.errors import CancelflowError
from nodes.rules.offers import RetentionOffer, offer_for
from nodes.services import services
from nodes.subscriptions.records import ActiveSubscription

log = logging.getLogger(__name__)


async def current_offer(subscription: ActiveSubscription, request_id: UUID | None = None) -> RetentionOffer | None:
    """Return the offer that holds now, by Stripe's word of a moment ago (FEATURES W04, W31, F06, F07).

    What a request itself has reserved does not stand in its way.
    """
    billed = subscription.billed
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
    """Return whether a discount runs. The offer's own, taken in the portal or by a try whose answer was lost, is
    accepted.
    """
    offer, billed = services().catalog.plan(subscription.plan).offer, subscription.billed
    own = offer.coupon_id if accepting and offer else None
    return any(each.runs(billed.read_at) and each.coupon_id != own for each in billed.discounts_in_force)


async def show_offer(subscription: ActiveSubscription) -> RetentionOffer | None:
    """Return the offer to show: none once an end is set, nor on more days of a period than the plan says (F04, F08)."""
    terms = None if subscription.billed.pending else await current_offer(subscription)
    screens = services().catalog.plan(subscription.plan).screens_per_period
    if terms is None or await _screens_before_today(subscription) >= screens:
        return None
    await _count_as_shown(subscription)
    return terms


async def _screens_before_today(subscription: ActiveSubscription) -> int:
    async with services().database.as_user(subscription.user_id) as transaction:
        [screens] = await transaction.values(
            "offer_screens_before_today",
            subscription_id=subscription.id,
            since=subscription.billed.current_period_start,
        )
    return int(screens)


async def _count_as_shown(subscription: ActiveSubscription) -> None:
    """For FEATURES W34, and for the cap. Not worth failing the page for."""
    try:
        async with services().database.as_user(subscription.user_id) as transaction:
            await transaction.run(
                "offer_shown", user_id=subscription.user_id, subscription_id=subscription.id, plan=subscription.plan
            )
    except CancelflowError as error:
        log.warning("%s was shown an offer that is not counted: %s", subscription.id, type(error).__name__)
