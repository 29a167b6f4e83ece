"""What cancelling now would do: the same decision that step 6B makes, without a write (FEATURES F17)."""

from typing import Any

from nodes.cancellation.policy import terms_for
from nodes.cancellation.refusals import refuse_to_cancel
from nodes.cancellation.reported import access_and_refund, amount_as_json
from nodes.cancellation.terms import Terms
from nodes.invoices.unpaid import is_voided
from nodes.messages.customer_locale import customer_locale
from nodes.rules.dates import data_retention_until, rfc3339
from nodes.services import services
from nodes.subscriptions.records import ActiveSubscription


async def cancellation_preview(subscription: ActiveSubscription) -> dict[str, Any]:
    """Return the response of `GET /cancellation-preview`. Raises as a cancellation does."""
    await refuse_to_cancel(subscription)
    async with services().database.as_user(subscription.user_id) as transaction:
        reads = await customer_locale(transaction, subscription.user_id)
    billed = subscription.billed
    now = await services().billing.changes.time_of(billed)
    terms = await terms_for(subscription, billed.current_period_end, now)
    ends_at = now if terms.ends_now else billed.current_period_end
    return {
        "subscription_id": subscription.id,
        "as_of": rfc3339(now),
        "ends_now": terms.ends_now,
        "ends_at": rfc3339(ends_at),
        **access_and_refund(terms, ends_at, reads.locale),
        "invoices": await _invoices(subscription, terms, reads.locale),
        "data_retention_until": rfc3339(data_retention_until(ends_at)),
    }


async def _invoices(subscription: ActiveSubscription, terms: Terms, locale: str) -> list[dict[str, Any]]:
    return [
        {
            "amount_due": amount_as_json(each.amount_remaining, each.currency, locale),
            "outcome": "voided" if terms.ends_now and is_voided(subscription, each) else "kept",
        }
        for each in await services().billing.invoices.open(subscription.id)
    ]
