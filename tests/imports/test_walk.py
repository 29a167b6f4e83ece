"""How the import reads: page by page, from where it stopped, within Stripe's limits, and one at a time."""

import asyncio
import os
import subprocess
import sys
import time

import psycopg
import pytest

from deployments.operations.imports import ImportStopped, ImportUnderWay
from nodes.clients.billing.customers import TEST_CALLS_A_SECOND, BillingCustomers
from sql import QUERIES
from tests.contract.stripe.process import KEY
from tests.imports.account import Account
from tests.waiting import eventually

pytestmark = pytest.mark.slow

MANY = 250


def reached(account: Account) -> list[tuple[str, int, bool]]:
    found = account.rows("SELECT list, read, done FROM import_progress ORDER BY list DESC")
    return [(row["list"], row["read"], row["done"]) for row in found]


def counts(account: Account) -> tuple[int, int]:
    found = account.row("SELECT (SELECT count(*) FROM users) u, (SELECT count(*) FROM subscriptions) s")
    return found["u"], found["s"]


def test_a_killed_import_continues_after_its_last_page(account: Account) -> None:
    account.fill(MANY)
    # Stripe takes very long for the third page.
    account.simulator.order("faults", kind="delay", path="/v1/subscriptions", seconds=0, times=2)
    account.simulator.order("faults", kind="delay", path="/v1/subscriptions", seconds=600, times=1)
    settings = {
        "DATABASE_URL": account.database,
        "DATABASE_ADMIN_URL": account.database,
        "STRIPE_API_KEY": KEY,
        "STRIPE_API_BASE": account.simulator.url,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "deployments.command_line", "import"],
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
    ) as process:
        eventually(lambda: reached(account) == [("subscriptions", 200, False)])
        process.kill()
    account.simulator.control("DELETE", "faults")
    assert counts(account) == (200, 200)
    before = len(account.pages())

    account.imported()

    assert counts(account) == (MANY, MANY)
    assert reached(account) == []
    first, *_ = account.pages()[before:]
    assert first["path"] == "/v1/subscriptions"
    assert "starting_after" in first["params"]


def test_an_import_that_failed_at_stripe_can_be_continued_or_restarted(account: Account) -> None:
    account.fill(MANY)
    account.simulator.order("faults", kind="status", status=403, path="/v1/customers", times=1)
    with pytest.raises(ImportStopped, match="run `cancelflow import` again"):
        account.imported()
    assert reached(account) == [("subscriptions", MANY, True), ("ended", 0, True)]
    assert counts(account) == (MANY, MANY)

    before = len(account.pages())
    account.imported()
    assert {page["path"] for page in account.pages()[before:]} == {"/v1/customers"}

    before = len(account.pages())
    account.imported(from_start=True)
    assert account.pages()[before]["path"] == "/v1/subscriptions"


def test_a_list_whose_position_is_lost_is_read_from_the_start(account: Account) -> None:
    account.fill(3)
    account.connection.execute("INSERT INTO import_progress (list, after) VALUES ('customers', 'cus_deleted')")
    account.imported()
    assert counts(account) == (3, 3)


def test_the_import_waits_as_long_as_stripe_requests(account: Account) -> None:
    account.fill(3)
    account.simulator.order(
        "faults", kind="status", status=429, path="/v1/subscriptions", times=2, headers={"retry-after": "1"}
    )
    account.imported()
    assert counts(account) == (3, 3)
    [fault] = account.simulator.http.get("/_simulator/faults").json()["faults"]
    assert fault["hits"] == 2


def test_calls_are_limited_per_second(account: Account) -> None:
    async def calls() -> float:
        billing = BillingCustomers(account.settings())
        began = time.monotonic()
        await asyncio.gather(*(billing.customer("cus_unknown") for _ in range(6)))
        await billing.close()
        return time.monotonic() - began

    assert asyncio.run(calls()) >= 5 / TEST_CALLS_A_SECOND


def test_only_one_import_runs_at_a_time(account: Account) -> None:
    with psycopg.connect(account.database, autocommit=True) as other:
        other.execute(QUERIES["only_import"].encode())
        with pytest.raises(ImportUnderWay):
            account.imported()
    account.imported()
