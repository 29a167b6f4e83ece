"""Find the subscription that a request is about, in its current state in Stripe."""

from dataclasses import dataclass, replace
from datetime import datetime

from nodes.clients.billing.objects import BillingSubscription
from nodes.clients.database.client import Transaction
from nodes.node import run_log
from nodes.refusals.cancellation import NoActiveSubscription
from nodes.refusals.requests import SeveralSubscriptions
from nodes.rules.statuses import is_live
from nodes.services import services
from nodes.subscriptions.mirror import mirror, status_of
from nodes.subscriptions.records import ActiveSubscription


@dataclass(frozen=True)
class SubscriptionRow:
    """A row of `subscriptions`."""

    id: str
    plan: str
    status: str
    current_period_end: datetime
    cancel_at_period_end: bool
    cancel_at: datetime | None
    announced: bool  # the customer was notified that it ends
    pause_behavior: str | None
    resumes_at: datetime | None


async def find_subscription(user_id: str, subscription_id: str | None) -> ActiveSubscription:
    """Return the user's subscription with that id, or their only live one, in its current state in Stripe.

    Updates our row if it differs from Stripe in status, end or plan. Raises `NoActiveSubscription`, and
    `SeveralSubscriptions` with the choices (SPEC, Decided 5 and 7).
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
    """Return the catalogue's plan for the subscription's prices, else the plan of our row."""
    catalog = services().catalog
    plan = catalog.plan_of(billed.prices) or row.plan
    if plan not in catalog.plans:
        prices = ", ".join(price.id for price in billed.prices)
        run_log().warning("%s gets no offer: its prices are in no plan of the catalogue: %s", row.id, prices)
    return plan


def refuse_ended(subscription: ActiveSubscription) -> None:
    """Raise `NoActiveSubscription` if the subscription has ended in Stripe."""
    if not is_live(subscription.billed.status):
        raise NoActiveSubscription


async def choose(transaction: Transaction, subscription_id: str | None, *, or_ended: bool = False) -> SubscriptionRow:
    """Return the row with that id, else the only live one, else with `or_ended` the one that ended last.

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
