"""A subscription's status for a dashboard (FEATURES W12, W14, C28)."""

from collections.abc import Awaitable, Callable
from typing import Any

from email_templates.dates import long_date
from nodes.errors import BillingFailed
from nodes.messages.customer_locale import customer_locale
from nodes.rules.dates import rfc3339
from nodes.rules.statuses import PENDING_CANCELLATION, has_access
from nodes.services import services
from nodes.subscriptions.find import choose, find_subscription
from nodes.subscriptions.records import ActiveSubscription

# What Stripe says beyond our row; all null while it is unavailable.
UNKNOWN: dict[str, Any] = {"discounts": None, "scheduled_change": None, "next_charge": None}


async def subscription_status(
    user_id: str, subscription_id: str | None, live: Callable[[ActiveSubscription], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """Return the status of the named subscription, else the live one, else the one that ended last.

    `live` returns the members that only Stripe knows. Falls back to our row while Stripe is unavailable: a slightly
    stale dashboard is better than a failing one.
    """
    database, more = services().database, UNKNOWN
    async with database.as_user(user_id) as transaction:
        row = await choose(transaction, subscription_id, or_ended=True)
        reads = await customer_locale(transaction, user_id)
    try:
        more = await live(await find_subscription(user_id, row.id))
    except BillingFailed:
        pass
    else:
        async with database.as_user(user_id) as transaction:
            row = await choose(transaction, row.id)
    pending = row.status == PENDING_CANCELLATION and row.cancel_at is not None
    plan = services().catalog.plan(row.plan)
    shut_out = (pending and plan.cancellation.access_ends == "now") or (
        row.pause_behavior is not None and not services().settings.access_while_paused
    )
    return {
        "subscription_id": row.id,
        "plan": row.plan,
        "plan_name": plan.name(reads.locale),
        "status": row.status,
        "access": has_access(row.status) and not shut_out,
        "current_period_end": rfc3339(row.current_period_end),
        "cancel_at_period_end": row.cancel_at_period_end,
        "cancel_at": rfc3339(row.cancel_at) if row.cancel_at else None,
        "banner": reads.language.gettext(
            "Cancels on %(date)s", date=long_date(row.cancel_at, reads.locale, reads.time_zone)
        )
        if pending and row.cancel_at
        else None,
        "paused": row.pause_behavior is not None,
        "resumes_at": rfc3339(row.resumes_at) if row.resumes_at else None,
        **more,
    }
