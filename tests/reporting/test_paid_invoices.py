"""Actual payments of a subscription, through the real SDK: page by page, net, and since a given time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from nodes.clients.billing import invoices as module
from nodes.clients.billing.client import Billing
from nodes.clients.billing.invoices import PaidInvoices
from nodes.settings import BillingSettings, load
from tests.acceptance.subscribers import clock, subscriber
from tests.world import Person, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")

DAY = 24 * 3600


@asynccontextmanager
async def billing() -> AsyncIterator[Billing]:
    client = Billing(load(BillingSettings))
    try:
        yield client
    finally:
        await client.close()


def pages(person: Person, since: int) -> list[PaidInvoices]:
    async def walk() -> list[PaidInvoices]:
        found: list[PaidInvoices] = []
        async with billing() as client:
            while not found or found[-1].next:
                after = found[-1].next if found else None
                found.append(
                    await client.invoices.paid(person.subscription_id, datetime.fromtimestamp(since, UTC), after)
                )
        return found

    return asyncio.run(walk())


def test_every_page_is_read_and_refunds_are_subtracted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_SIZE", 1)
    on = clock(world)
    person, began = subscriber(world, on=on), on.now
    on.advance(began + 70 * DAY)
    latest = world.stripe.invoices.list({"subscription": person.subscription_id}).data[0]
    world.stripe.credit_notes.create({"invoice": latest.id, "amount": 900, "refund_amount": 900})
    found = pages(person, began)
    assert [[each.amount_paid for each in page.invoices] for page in found] == [[4000], [4900], [4900]]
    [newest] = found[0].invoices
    assert (newest.invoice_id, newest.currency) == (latest.id, "usd")
    assert newest.created_at <= newest.paid_at
    assert len(pages(person, began + 5 * DAY)) == 2


def test_an_open_invoice_does_not_count_as_paid(world: World) -> None:
    on = clock(world)
    person, began = subscriber(world, on=on), on.now
    method = world.stripe.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": _customer(world, person)})
    world.stripe.customers.update(_customer(world, person), {"invoice_settings": {"default_payment_method": method.id}})
    on.advance(began + 33 * DAY)
    assert [len(page.invoices) for page in pages(person, began)] == [1]


def _customer(world: World, person: Person) -> str:
    return str(world.stripe.subscriptions.retrieve(person.subscription_id).customer)
