"""A day with 1,000 cancellations across the world: none is called outside hours or twice, or over the daily limit.

The flow runs with the real gates, SQL and limits in a database whose clock the test sets (FEATURES A06, A19, G06).
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import psycopg
import pytest

from deployments.migrations import migrate
from flows.call_customer import call_customer
from nodes.calls.claim import claim_calls
from nodes.clients.billing.client import Billing
from nodes.clients.billing.customers import BillingCustomers, Customer
from nodes.clients.billing.objects import BillingSubscription
from nodes.clients.calls.phone_numbers import read_phone_number
from nodes.clients.hooks import HookResponse, Hooks, Receiver
from nodes.node import without_prefect
from nodes.services import open_services, using
from nodes.settings import ServiceSettings, load
from tests.calls.company import calls_on
from tests.nodes.clients.test_database import new_database, settings
from tests.world import World

pytestmark = pytest.mark.slow

MIDNIGHT = datetime(2026, 3, 28, tzinfo=UTC)  # in the night after, Europe's clocks are put forward
LATEST = MIDNIGHT + timedelta(days=7)
STEP = timedelta(minutes=20)
CUSTOMERS = 1000
A_DAY = 600
WORKERS = 3
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)[::3]
# UTC, a column's default, says nothing of where the customer is.
OWN_ZONES = ("UTC", "Europe/Berlin", "UTC", "America/New_York", "UTC", "Asia/Kolkata", "Pacific/Auckland")

# What every query and function that asks for the time gets.
CLOCK = """
    CREATE SCHEMA clock;
    GRANT USAGE ON SCHEMA clock TO PUBLIC;
    CREATE TABLE clock.hands (at timestamptz);
    INSERT INTO clock.hands VALUES (NULL);
    CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER
        RETURN (SELECT at FROM clock.hands);
    ALTER FUNCTION claim_calls SET search_path = clock, pg_catalog, public, pg_temp;
    ALTER FUNCTION begin_call SET search_path = clock, pg_catalog, public, pg_temp;
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = clock, pg_catalog, public', current_database());
    END $$"""
CANCELLED = """
    INSERT INTO consent_wordings (channel, version, language, text) VALUES ('phone', 1, '', 'You may call me.');
    INSERT INTO users (id, time_zone) SELECT 'u' || n, (%(zones)s::text[])[1 + n %% cardinality(%(zones)s)]
    FROM generate_series(0, %(customers)s - 1) n;
    INSERT INTO consents (user_id, channel, accepted, version, language, source)
    SELECT id, 'phone', true, 1, '', 'form' FROM users WHERE id NOT LIKE '%%7';
    INSERT INTO subscriptions (id, user_id, stripe_customer_id, plan, status, current_period_start, current_period_end,
        cancel_at)
    SELECT id, id, id, 'professional', 'pending_cancellation', %(midnight)s, %(later)s, %(later)s FROM users;
    INSERT INTO cancellation_requests (user_id, asked_user_id, subscription_id, accept_offer, received_at, resume_at)
    SELECT id, id, id, false, %(midnight)s + substr(id, 2)::int * interval '1 day' / %(customers)s, NULL
    FROM users;
    INSERT INTO calls (request_id, user_id, created_at, due_at)
    SELECT id, user_id, received_at, received_at FROM cancellation_requests"""


def number_of(user_id: str) -> str:
    """Return a number of another country for each customer."""
    region = REGIONS[int(user_id[1:]) % len(REGIONS)]
    number = phonenumbers.example_number(region)
    assert number
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def zones_of(user_id: str) -> set[str]:
    """Return where the customer may be."""
    read = read_phone_number(number_of(user_id), None)
    assert read
    return {*read.zones, OWN_ZONES[int(user_id[1:]) % len(OWN_ZONES)]} - {"UTC"}


class FakeCustomers(BillingCustomers):
    """Stripe's customers, whose ids are ours."""

    def __init__(self) -> None:
        pass

    async def customer(self, customer_id: str, *, seconds: float | None = None) -> Customer | None:
        number = number_of(customer_id)
        return Customer(customer_id, MIDNIGHT, None, None, None, None, number, customer_id, False)


class FakeBilling(Billing):
    """Stripe's subscriptions, each of which was cancelled."""

    def __init__(self) -> None:
        pass

    async def subscription(self, subscription_id: str) -> BillingSubscription:
        later = MIDNIGHT + timedelta(days=30)
        return BillingSubscription(
            subscription_id, "active", True, later, None, MIDNIGHT, later, MIDNIGHT, later, None, (), None
        )


@dataclass
class FakeVendor(Hooks):
    """The vendor, which takes every call. `sent`: when, and to which number, by its id."""

    now: datetime = MIDNIGHT
    sent: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    async def send(self, event: Mapping[str, Any], receiver: Receiver, *, hook_id: str) -> HookResponse:
        assert hook_id not in self.sent, "sent twice"
        self.sent[hook_id] = self.now, event["data"]["phoneNumber"]
        await asyncio.sleep(0)
        return HookResponse(204, None)


@dataclass(frozen=True)
class Outcome:
    """What became of each call, and what the vendor got."""

    rows: list[tuple[str, str, str, str | None]]
    sent: dict[str, tuple[datetime, str]]


@pytest.fixture(scope="module")
def outcome(world: World) -> Iterator[Outcome]:
    with new_database(world.addresses["database_admin_url"]) as url:
        migrate(settings(url))
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(CLOCK)
        with psycopg.connect(url, autocommit=True) as owner:
            parameters = {"zones": [*OWN_ZONES], "customers": CUSTOMERS, "midnight": MIDNIGHT}
            for statement in CANCELLED.split(";"):
                owner.execute(statement.encode(), {**parameters, "later": MIDNIGHT + timedelta(days=30)})
            sent = asyncio.run(pass_time(url, owner))
            rows = owner.execute("SELECT id::text, user_id, state, gate FROM calls").fetchall()
        yield Outcome([*map(tuple, rows)], sent)


async def pass_time(url: str, owner: psycopg.Connection[Any]) -> dict[str, tuple[datetime, str]]:
    """Move the clock until no call waits; return what the vendor got."""
    own = {**calls_on(url, "https://vendor.example.com"), "calls_per_day": A_DAY, "database_pool_size": WORKERS}
    async with open_services(load(ServiceSettings).model_copy(update=own)) as opened:
        vendor = FakeVendor()
        with using(replace(opened, customers=FakeCustomers(), billing=FakeBilling(), hooks=vendor)), without_prefect():
            while owner.execute("SELECT 1 FROM calls WHERE state = 'waiting' LIMIT 1").fetchone():
                owner.execute("UPDATE clock.hands SET at = %s", [vendor.now])
                await asyncio.gather(*(work() for _ in range(WORKERS)))
                vendor.now += STEP
                assert vendor.now < LATEST, "calls still wait"
        return vendor.sent


async def work() -> None:
    """Run what is due, as a trigger does."""
    while claimed := await claim_calls(2):
        for each in claimed:
            await call_customer.fn(each)


def test_none_is_called_outside_hours_in_any_zone_where_they_may_be(outcome: Outcome) -> None:
    users = {call_id: user_id for call_id, user_id, _, _ in outcome.rows}
    wrong = [
        (number, zone, at)
        for call_id, (at, number) in outcome.sent.items()
        for zone in zones_of(users[call_id])
        if not time(8) <= at.astimezone(ZoneInfo(zone)).time() < time(21)
    ]
    assert wrong == []
    assert len({number for _, number in outcome.sent.values()}) > 60


def test_each_who_may_be_called_is_called_once_and_each_other_has_a_reason(outcome: Outcome) -> None:
    assert len(outcome.rows) == CUSTOMERS
    placed = {call_id for call_id, _, state, _ in outcome.rows if state == "placed"}
    assert placed == outcome.sent.keys()
    silent = {user_id: gate for _, user_id, state, gate in outcome.rows if state == "not_placed"}
    assert silent == {f"u{number}": "no_consent" for number in range(7, CUSTOMERS, 10)}
    assert len(placed) + len(silent) == CUSTOMERS


def test_no_day_has_more_calls_than_the_limit(outcome: Outcome) -> None:
    days = Counter(at.date() for at, _ in outcome.sent.values())
    assert max(days.values()) == A_DAY
    assert len(days) >= 2
