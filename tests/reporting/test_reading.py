"""Reading a page of subscriptions from Stripe: concurrently, rate-limited, and with independent failures."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from nodes.clients.database.client import WithOffer
from nodes.node import without_prefect
from nodes.reporting.records import ReadFromStripe
from nodes.reporting.step_02_list_paid_invoices import CALLS_PER_SECOND, list_paid_invoices
from nodes.runs.each import CONCURRENCY
from nodes.services import services_of_this_run
from tests.acceptance.subscribers import subscriber
from tests.world import World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


def read(subscriptions: list[WithOffer]) -> ReadFromStripe:
    async def reading() -> ReadFromStripe:
        async with services_of_this_run():
            with without_prefect():
                return await list_paid_invoices(subscriptions)

    return asyncio.run(reading())


def test_calls_are_limited_per_second(world: World) -> None:
    mark = uuid.uuid4().hex
    unknown = [WithOffer(f"sub_{mark}_{n}", "nobody", YESTERDAY) for n in range(3 * CALLS_PER_SECOND)]

    found = read(unknown)

    assert (len(found.paid), found.failed) == (len(unknown), 0)
    times = [call["time"] for call in world.simulator.requests(contains=mark)]
    assert len(times) == len(unknown)
    busiest = max(sum(begin <= at < begin + 1 for at in times) for begin in times)
    assert busiest <= CALLS_PER_SECOND + CONCURRENCY


def test_a_failing_subscription_does_not_affect_the_others(world: World) -> None:
    people = [subscriber(world) for _ in range(3)]
    asked = [WithOffer(each.subscription_id, each.user_id, YESTERDAY) for each in people]
    with world.simulator.fault(kind="status", status=400, contains=people[1].subscription_id, times=0):
        found = read(asked)
    assert found.failed == 1
    read_of = {each.subscription.id: [invoice.amount_paid for invoice in each.invoices] for each in found.paid}
    assert read_of == {people[0].subscription_id: [4900], people[2].subscription_id: [4900]}
