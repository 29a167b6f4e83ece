"""Copy a subscription's state from Stripe to our row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nodes.clients.billing.objects import BillingSubscription
from nodes.clients.database.client import Transaction
from nodes.rules.catalog import Catalog
from nodes.rules.statuses import local_status
from nodes.services import services


@dataclass(frozen=True)
class Mirrored:
    """The row after the write."""

    status: str
    cancel_at_period_end: bool
    cancel_at: datetime | None
    ended_at: datetime | None


def status_of(billed: BillingSubscription) -> str:
    """Return our row's status for this subscription."""
    return local_status(billed.status, pending=billed.pending)


def columns_of(billed: BillingSubscription, catalog: Catalog) -> dict[str, Any]:
    """Return our row's columns for this subscription; the plan is None if its prices are in no plan."""
    return {
        "subscription_id": billed.id,
        "status": status_of(billed),
        "current_period_start": billed.current_period_start,
        "current_period_end": billed.current_period_end,
        # Either field of Stripe's means pending, and the row sets both columns (SPEC, Decided 7 and step 7B).
        "cancel_at_period_end": billed.pending,
        "cancel_at": billed.cancel_at,
        "ended_at": billed.ended_at,
        "canceled_at": billed.canceled_at,
        "pause_behavior": billed.pause.behavior if billed.pause else None,
        "resumes_at": billed.pause.resumes_at if billed.pause else None,
        "trial_ends_at": billed.trial_ends_at,
        "price_ids": [price.id for price in billed.prices],
        "plan": catalog.plan_of(billed.prices),
    }


async def mirror(transaction: Transaction, billed: BillingSubscription) -> Mirrored:
    """Update the row to match Stripe, and return it."""
    row = await transaction.one("mirror_subscription", Mirrored, **columns_of(billed, services().catalog))
    if row is None:
        raise LookupError(f"no row to mirror {billed.id} in")
    return row
