"""Rows for `write_customers` and `write_subscriptions` (sql/migrations/0012), as JSON: one or many per call."""

import json
from collections.abc import Container, Iterable
from datetime import datetime
from typing import Any

from nodes.clients.billing.customers import Customer, CustomersSubscription
from nodes.rules.catalog import Catalog
from nodes.rules.statuses import is_live
from nodes.rules.stripe_changes import kind_of_end
from nodes.subscriptions.mirror import columns_of


def customer_rows(customers: Iterable[Customer], *, subscribed: Container[str] = ()) -> str:
    """Return a row for each customer; `subscribed`: the ids of customers with a live subscription."""
    return _json(
        {
            "customer_id": each.id,
            "user_id": each.user_id,
            "created_at": each.created_at,
            "email": each.email,
            "name": each.name,
            "locale": each.locale,
            "country": each.country,
            "subscribed": each.id in subscribed,
        }
        for each in customers
    )


def subscribers_among(subscriptions: Iterable[CustomersSubscription]) -> set[str]:
    """Return the ids of the customers whose subscription is live."""
    return {each.customer.id for each in subscriptions if is_live(each.billed.status)}


def subscription_rows(subscriptions: Iterable[CustomersSubscription], catalog: Catalog) -> str:
    """Return a row for each subscription; the plan is null if its prices are in no plan of the catalogue."""
    return _json(_subscription_row(each, catalog) for each in subscriptions)


def _subscription_row(subscription: CustomersSubscription, catalog: Catalog) -> dict[str, Any]:
    billed = subscription.billed
    live = is_live(billed.status)
    return {
        **columns_of(billed, catalog),
        "user_id": subscription.customer.user_id,
        "customer_id": subscription.customer.id,
        "created_at": subscription.created_at,
        "fixed_term": live and billed.fixed_term,
        "end_kind": None if live else kind_of_end(billed.status, billed.end_reason),
        "end_reason": billed.end_reason,
    }


def _json(rows: Iterable[dict[str, Any]]) -> str:
    return json.dumps(list(rows), default=datetime.isoformat)
