"""Look-ups that the steps and the read-only routes share: the subscription as Stripe has it now, and its offer."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from email_templates.dates import long_date
from nodes.cancellation.mirror import mirror, status_of
from nodes.cancellation.records import ActiveSubscription
from nodes.clients.billing_objects import BillingSubscription
from nodes.clients.database import Transaction
from nodes.errors import BillingFailed, CancelflowError, NoActiveSubscription, SeveralSubscriptions
from nodes.node import run_log
from nodes.rules.dates import rfc3339
from nodes.rules.offers import RetentionOffer, offer_for
from nodes.rules.statuses import PENDING_CANCELLATION, has_access, is_live
from nodes.services import services

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SubscriptionRow:
    """A row of `subscriptions`, as the user may see it."""

    id: str
    plan: str
    status: str
    current_period_end: datetime
    cancel_at_period_end: bool
    cancel_at: datetime | None
    announced: bool  # the customer was told that it ends


@dataclass(frozen=True)
class _Words:
    locale: str
    time_zone: str


async def find_subscription(user_id: str, subscription_id: str | None) -> ActiveSubscription:
    """The user's subscription of that id, or their only live one, as Stripe has it now.

    Our row is healed where it disagrees with Stripe about status, end or plan. Raises `NoActiveSubscription` and,
    with the choices, `SeveralSubscriptions` (SPEC, Decided 5 and 7).
    """
    async with services().database.as_user(user_id) as transaction:
        row = await _choose(transaction, subscription_id)
    billed = replace(await services().billing.subscription(row.id), announced=row.announced)
    plan = _plan_of(row, billed)
    if (row.cancel_at, row.status, row.plan) != (billed.cancel_at, status_of(billed), plan):
        async with services().database.as_user(user_id) as transaction:
            await mirror(transaction, billed)
    return ActiveSubscription(row.id, user_id, plan, billed)


def _plan_of(row: SubscriptionRow, billed: BillingSubscription) -> str:
    """Return the plan that the catalogue has for its prices, or what our row says."""
    catalog = services().catalog
    plan = catalog.plan_of(billed.prices) or row.plan
    if plan not in catalog.plans:
        prices = ", ".join(price.id for price in billed.prices)
        run_log().warning("%s has no offer: its prices are in no plan of the catalogue: %s", row.id, prices)
    return plan


async def locale_of(user_id: str) -> str:
    """Return the locale in which the customer reads."""
    async with services().database.as_user(user_id) as transaction:
        [words] = await transaction.all("words_of_customer", _Words, user_id=user_id)
    return words.locale


def refuse_ended(subscription: ActiveSubscription) -> None:
    """Stripe has ended it, whatever our row said: there is nothing left to cancel."""
    if not is_live(subscription.billed.status):
        raise NoActiveSubscription


async def current_offer(subscription: ActiveSubscription, request_id: UUID | None = None) -> RetentionOffer | None:
    """The offer that holds now, by Stripe's word of a moment ago (FEATURES W04, W31, F06, F07).

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
    """Whether a discount runs. The offer's own, taken in the portal or by a try whose answer was lost, is accepted."""
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


async def subscription_status(user_id: str, subscription_id: str | None) -> dict[str, Any]:
    """What a dashboard shows (FEATURES W12, W14): the one named, the live one, or else the one that ended last.

    With Stripe away, our row answers: a dashboard that fails says less than one that is a moment behind.
    """
    database = services().database
    async with database.as_user(user_id) as transaction:
        row = await _choose(transaction, subscription_id, or_ended=True)
        [words] = await transaction.all("words_of_customer", _Words, user_id=user_id)
    try:
        await find_subscription(user_id, row.id)
        async with database.as_user(user_id) as transaction:
            row = await _choose(transaction, row.id)
    except BillingFailed:
        pass
    pending = row.status == PENDING_CANCELLATION and row.cancel_at is not None
    return {
        "subscription_id": row.id,
        "plan": row.plan,
        "plan_name": services().catalog.plan(row.plan).name(words.locale),
        "status": row.status,
        "access": has_access(row.status),
        "current_period_end": rfc3339(row.current_period_end),
        "cancel_at_period_end": row.cancel_at_period_end,
        "cancel_at": rfc3339(row.cancel_at) if row.cancel_at else None,
        "banner": f"Cancels on {long_date(row.cancel_at, words.locale, words.time_zone)}"
        if pending and row.cancel_at
        else None,
    }


async def _choose(transaction: Transaction, subscription_id: str | None, *, or_ended: bool = False) -> SubscriptionRow:
    if subscription_id is not None:
        named = await transaction.one("subscription", SubscriptionRow, subscription_id=subscription_id)
        if named is None:
            raise NoActiveSubscription
        return named
    live = await transaction.all("live_subscriptions", SubscriptionRow)
    if len(live) > 1:
        choices = [{"subscription_id": row.id, "plan": row.plan, "status": row.status} for row in live]
        raise SeveralSubscriptions(subscriptions=choices)
    if not live and or_ended:
        live = await transaction.all("last_ended_subscription", SubscriptionRow)
    if not live:
        raise NoActiveSubscription
    return live[0]
