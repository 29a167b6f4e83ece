"""Find the subscription to reactivate, check whether it has ended, and preview the reactivation for a page."""

from dataclasses import dataclass, replace

from email_templates.dates import long_date
from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import BillingFailed
from nodes.messages.customer_locale import customer_locale
from nodes.refusals.reactivation import NothingToReactivate, SubscriptionEnded
from nodes.refusals.requests import SeveralSubscriptions
from nodes.rules.statuses import PENDING_CANCELLATION, is_live
from nodes.services import services
from nodes.subscriptions.find import SubscriptionRow


@dataclass(frozen=True)
class Preview:
    """The dates on the confirmation page. `ends_on` is None if the subscription has no end date."""

    plan: str
    ends_on: str | None
    renews_on: str


async def choose(user_id: str, subscription_id: str | None) -> SubscriptionRow:
    """Return the named subscription, the user's only live one, or the only pending one of several.

    Raises `NothingToReactivate`, `SubscriptionEnded` if none is live, and `SeveralSubscriptions`.
    """
    async with services().database.as_user(user_id) as transaction:
        if subscription_id is not None:
            named = await transaction.one("subscription", SubscriptionRow, subscription_id=subscription_id)
            if named is None:
                raise NothingToReactivate
            return named
        live = await transaction.all("live_subscriptions", SubscriptionRow)
        ended = await transaction.all("last_ended_subscription", SubscriptionRow)
    pending = [row for row in live if row.status == PENDING_CANCELLATION]
    if len(live) > 1 and len(pending) != 1:
        choices = [{"subscription_id": row.id, "plan": row.plan, "status": row.status} for row in live]
        raise SeveralSubscriptions(subscriptions=choices)
    if not live:
        raise ended_subscription() if ended else NothingToReactivate
    return (pending or live)[0]


def has_ended(billed: BillingSubscription) -> bool:
    """Return whether the subscription has ended in Stripe, or its end date has passed by Stripe's clock."""
    over = billed.cancel_at is not None and billed.read_at is not None and billed.cancel_at <= billed.read_at
    return over or not is_live(billed.status)


def ended_subscription() -> SubscriptionEnded:
    """Return the refusal, with the URL for a new subscription if one is configured."""
    url = services().settings.new_subscription_url
    return SubscriptionEnded(new_subscription_url=url) if url else SubscriptionEnded()


async def preview(user_id: str, subscription_id: str) -> Preview:
    """Return the preview, without writing anything; from our row if Stripe is unavailable. Raises like `choose`."""
    row = await choose(user_id, subscription_id)
    async with services().database.as_user(user_id) as transaction:
        reads = await customer_locale(transaction, user_id)
    ends_at = row.cancel_at if row.status == PENDING_CANCELLATION else None
    renews_at = row.current_period_end
    try:
        billed = replace(await services().billing.subscription(row.id), announced=row.announced)
        ended = has_ended(billed)
        ends_at, renews_at = billed.cancel_at if billed.pending else None, billed.current_period_end
    except BillingFailed:
        ended = not is_live(row.status)
    if ended:
        raise ended_subscription()
    ends_on = long_date(ends_at, reads.locale, reads.time_zone) if ends_at else None
    plan = services().catalog.plan(row.plan).name(reads.locale)
    return Preview(plan, ends_on, long_date(renews_at, reads.locale, reads.time_zone))
