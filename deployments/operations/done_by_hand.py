"""`cancelflow finish`: complete a request that a person has carried out in Stripe (FEATURES U10)."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from deployments.operations.requests import connected
from nodes.clients.billing.client import Billing
from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import CancelflowError
from nodes.rules.statuses import is_live
from nodes.settings import BillingSettings, DatabaseSettings
from sql import QUERIES


class NothingToFinish(CancelflowError):
    """The id is not of an unfinished request that was left to a person."""


class NotDoneYet(CancelflowError):
    """Stripe does not show what the customer asked for."""


@dataclass(frozen=True)
class _Left:
    kind: str
    id: UUID
    subscription_id: str


def finish(database: DatabaseSettings, billing: BillingSettings, identifier: str) -> None:
    """Read Stripe back, and let the request continue after Stripe's part; a running trigger completes it.

    Needs the owner's connection. Raises `NothingToFinish`, `NotDoneYet`, `BillingFailed` and `DatabaseUnavailable`.
    """
    with connected(database) as connection:
        with connection.cursor(row_factory=class_row(_Left)) as cursor:
            left = cursor.execute(QUERIES["request_by_hand"], {"id": identifier}).fetchone()
        if left is None:
            raise NothingToFinish(f"no unfinished request with the id {identifier} was left to a person")
        billed = asyncio.run(_read(billing, left.subscription_id))
        if left.kind == "cancellation":
            _finish_cancellation(connection, left.id, billed)
        else:
            _finish_reactivation(connection, left.id, billed)
        connection.execute(QUERIES["withdraw_messages_by_hand"], {"id": left.id})


async def _read(settings: BillingSettings, subscription_id: str) -> BillingSubscription:
    billing = Billing(settings)
    try:
        return await billing.subscription(subscription_id)
    finally:
        await billing.close()


def _finish_cancellation(connection: psycopg.Connection[Any], request_id: UUID, billed: BillingSubscription) -> None:
    live = is_live(billed.status)
    if live and not billed.pending:
        raise NotDoneYet(f"{billed.id} has no end in Stripe: cancel it there first")
    cancel_at = billed.cancel_at if live else billed.ended_at
    connection.execute(QUERIES["finish_cancellation_by_hand"], {"id": request_id, "cancel_at": cancel_at})


def _finish_reactivation(connection: psycopg.Connection[Any], request_id: UUID, billed: BillingSubscription) -> None:
    if is_live(billed.status) and billed.pending:
        raise NotDoneYet(f"{billed.id} still ends in Stripe: clear its cancellation there first")
    connection.execute(QUERIES["finish_reactivation_by_hand"], {"id": request_id})
