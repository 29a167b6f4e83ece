"""Find the subscription that is meant, as Stripe has it now."""

from dataclasses import dataclass, replace
from datetime import datetime

from nodes.clients.billing_objects import BillingSubscription
from nodes.clients.database import Transaction
from nodes.errors import NoActiveSubscription, SeveralSubscriptions
from nodes.node import run_log
from nodes.rules.statuses import is_live
from nodes.services import services
from nodes.subscriptions.mirror import mirror, status_of
from nodes.subscriptions.records import ActiveSubscription


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


async def find_subscription(user_id: str, subscription_id: str | None) -> ActiveSubscription:
    """Return the user's subscription of that id, or their only live one, as Stripe has it now.

    Our row is healed where it disagrees with Stripe about status, end or plan. Raises `NoActiveSubscription` and,
    with the choices, `SeveralSubscriptions` (SPEC, Decided 5 and 7).
    """
    async with services().database.as_user(user_id) as transaction:
        row = await choose(transaction, subscription_id)
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


def refuse_ended(subscription: ActiveSubscription) -> None:
    """Stripe has ended it, whatever our row said: there is nothing left to cancel."""
    if not is_live(subscription.billed.status):
        raise NoActiveSubscription


async def choose(transaction: Transaction, subscription_id: str | None, *, or_ended: bool = False) -> SubscriptionRow:
    """Return the row of that id, else the only live one, else with `or_ended` the one that ended last.

    Raises `NoActiveSubscription` and `SeveralSubscriptions`.
    """
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
