"""The subscriptions that a code opens."""

from dataclasses import dataclass
from datetime import datetime

from nodes.messages.customer_locale import CustomerLocale, customer_locale
from nodes.services import services
from nodes.subscriptions.find import SubscriptionRow


@dataclass(frozen=True)
class Choice:
    """A live subscription of a user, of which the page shows plan and date, as this customer reads them."""

    user_id: str
    subscription_id: str
    plan: str
    period_end: datetime
    reads: CustomerLocale


async def choices_of(user_ids: list[str]) -> list[Choice]:
    """Return the live subscriptions of these users."""
    found: list[Choice] = []
    for user_id in user_ids:
        async with services().database.as_user(user_id) as transaction:
            rows = await transaction.all("live_subscriptions", SubscriptionRow)
            if rows:
                reads = await customer_locale(transaction, user_id)
                found += [Choice(user_id, row.id, row.plan, row.current_period_end, reads) for row in rows]
    return found
