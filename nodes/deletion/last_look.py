"""Decide whether a user's data may be deleted, by Stripe, or by our rows of subscriptions that Stripe doesn't have."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nodes.clients.billing.objects import BillingSubscription
from nodes.deletion.records import Over, PutOff
from nodes.rules.dates import data_retention_until
from nodes.rules.statuses import is_live, local_status
from nodes.services import services

# The time until a customer with a subscription is checked again. Their next cancellation creates a new job, so this is
# only for an end without a webhook.
LOOK_AGAIN_AFTER = timedelta(days=30)


@dataclass(frozen=True)
class _Row:
    id: str
    stripe_customer_id: str
    status: str
    cancel_at: datetime | None
    ended_at: datetime | None


async def last_look(user_id: str, *, ahead: timedelta = timedelta()) -> Over | PutOff:
    """Decide by all of the user's subscriptions in Stripe, including ones without a row, whether their data may go.

    `ahead`: decide for that much later instead of now. Raises `BillingFailed`.
    """
    now = datetime.now(UTC)
    async with services().database.as_user(user_id) as transaction:
        rows = await transaction.all("subscriptions_of_user", _Row)
        customers = set(await transaction.values("stripe_customer_of_user", user_id=user_id))
    billed: dict[str, BillingSubscription] = {}
    for customer in sorted(customers | {row.stripe_customer_id for row in rows}):
        found = await services().records.subscriptions_of(customer)
        if found is None:
            return PutOff(user_id, now + LOOK_AGAIN_AFTER, "unknown_to_stripe")
        billed |= {each.id: each for each in found}
    return _judged(user_id, rows, billed, now, now + ahead)


def _judged(
    user_id: str, rows: list[_Row], billed: dict[str, BillingSubscription], now: datetime, on: datetime
) -> Over | PutOff:
    if any(is_live(each.status) for each in billed.values()):
        return PutOff(user_id, now + LOOK_AGAIN_AFTER, "live_subscription")
    if any(row.id not in billed and is_live(row.status) for row in rows):
        return PutOff(user_id, now + LOOK_AGAIN_AFTER, "unknown_to_stripe")
    ends = [each.ended_at for each in billed.values()] + [row.ended_at for row in rows if row.id not in billed]
    kept_until = max((data_retention_until(end) for end in ends if end), default=now)
    if kept_until > on:
        return PutOff(user_id, kept_until, "ended_later")
    unheard = [billed[row.id] for row in rows if row.id in billed and _differs(row, billed[row.id])]
    return Over(user_id, unheard)


def _differs(row: _Row, billed: BillingSubscription) -> bool:
    status = local_status(billed.status, pending=billed.pending)
    return (row.status, row.ended_at) != (status, billed.ended_at)
