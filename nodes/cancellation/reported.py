"""What response, event and preview report of a plan's cancellation policy: the end of access, and the refund."""

from datetime import datetime
from typing import Any

from email_templates.money import money
from nodes.cancellation.terms import Terms
from nodes.messages.customer_locale import customer_locale
from nodes.rules.dates import rfc3339
from nodes.services import services


def amount_as_json(amount: int, currency: str, locale: str) -> dict[str, Any]:
    """Return an amount in minor units, and as the customer reads it."""
    return {"amount": amount, "currency": currency, "formatted": money(amount, currency, locale)}


def access_and_refund(terms: Terms, cancel_at: datetime, locale: str | None = None) -> dict[str, Any]:
    """Return `access_until` and `refund`, which is null if there is none; for programs without a locale."""
    refund: dict[str, Any] | None = None
    if terms.refund:
        amount, currency = terms.refund.amount, terms.refund.currency
        refund = amount_as_json(amount, currency, locale) if locale else {"amount": amount, "currency": currency}
    return {"access_until": rfc3339(terms.access_until(cancel_at)), "refund": refund}


async def reported(terms: Terms, cancel_at: datetime, user_id: str) -> dict[str, Any]:
    """Return the members that a policy adds to the response; none without a policy."""
    if not terms.by_policy:
        return {}
    async with services().database.as_user(user_id) as transaction:
        reads = await customer_locale(transaction, user_id)
    return access_and_refund(terms, cancel_at, reads.locale)
