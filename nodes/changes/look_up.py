"""Look up a pause for a page, without changing anything."""

from dataclasses import dataclass

from email_templates.dates import long_date
from nodes.messages.customer_locale import customer_locale
from nodes.services import services
from nodes.subscriptions.find import find_subscription


@dataclass(frozen=True)
class Paused:
    """A pause. `until`: the date on which billing resumes, as the customer reads it, or None if it has no end."""

    until: str | None


async def look_up_pause(user_id: str, subscription_id: str) -> Paused | None:
    """Return the pause of a subscription; None if it is not paused.

    Raises `NoActiveSubscription` and `BillingFailed`.
    """
    pause = (await find_subscription(user_id, subscription_id)).billed.pause
    if pause is None:
        return None
    if pause.resumes_at is None:
        return Paused(until=None)
    async with services().database.as_user(user_id) as transaction:
        reads = await customer_locale(transaction, user_id)
    return Paused(long_date(pause.resumes_at, reads.locale, reads.time_zone))
