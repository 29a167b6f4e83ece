"""A run that crashes, or that Prefect abandons: no customer is half deleted, and the next run finishes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from flows.delete_expired_data import delete_expired_data
from tests.deletion.former_customers import claims_lapse, former_customer, swept
from tests.deletion.runs import WORKER_SECONDS, ended, started
from tests.faults.wires import wired
from tests.faults.wires_line import Fault
from tests.waiting import eventually
from tests.world import Person, Row, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

RUN = """
import asyncio
from flows.delete_expired_data import delete_expired_data
from nodes.node import without_prefect
with without_prefect():
    asyncio.run(delete_expired_data.fn(dry_run=False))
"""
SHOWN = """
import asyncio
from flows.delete_expired_data import delete_expired_data
asyncio.run(delete_expired_data(dry_run=False))
"""
# The user's row is deleted last: a transaction that waits for it has deleted everything else.
WAITING = """SELECT FROM pg_locks waits JOIN pg_stat_activity a USING (pid)
    WHERE NOT waits.granted AND a.application_name = 'cancelflow' AND a.query LIKE '%%delete_data_of_user%%'"""

DELETING = """SELECT FROM pg_stat_activity
    WHERE application_name = 'cancelflow' AND query LIKE '%%delete_data_of_user%%'"""


@contextmanager
def held(world: World, person: Person) -> Iterator[None]:
    """Lock the user's row in another session for the block."""
    with psycopg.connect(world.addresses["database_admin_url"]) as other:
        other.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [person.user_id])
        yield
        other.rollback()


def test_no_user_is_half_deleted_and_the_next_run_finishes(world: World) -> None:
    # Different reasons: two of one kind would wait for each other at that kind's count.
    done, caught = (former_customer(world, days_ago=91, reason=reason)[0] for reason in ("unused", "low_quality"))
    before = world.belongings(caught.user_id)

    with held(world, caught):
        with subprocess.Popen([sys.executable, "-c", RUN]) as killed:
            try:
                eventually(lambda: world.rows(WAITING) and not world.belongings(done.user_id)["users"])
            finally:
                killed.send_signal(signal.SIGKILL)
        assert killed.returncode == -signal.SIGKILL
    eventually(lambda: not world.rows(DELETING))

    after = world.belongings(caught.user_id)
    assert without_claims(after) == without_claims(before)
    claims_lapse(world, caught)
    assert swept(delete_expired_data, dry_run=False).is_completed()
    for person in (done, caught):
        left = world.belongings(person.user_id)
        assert (len(left["users"]), len(left["data_deletions"])) == (0, 1)


def without_claims(belongings: dict[str, list[Row]]) -> dict[str, list[Row]]:
    jobs = [row | {"claimed_until": None} for row in belongings["data_retention_jobs"]]
    return belongings | {"data_retention_jobs": jobs}


def stripe_customer(world: World, person: Person) -> str:
    found = world.row("SELECT stripe_customer_id AS id FROM users WHERE id = %s", person.user_id)
    return str(found["id"])


def test_a_killed_run_does_not_block_the_next(world: World) -> None:
    """The slot of the single run is free again when the worker has noticed the end of the process."""
    person, _ = former_customer(world, days_ago=91)
    with world.simulator.fault(kind="delay", seconds=30, contains=stripe_customer(world, person)) as hits:
        run_id = started(world, "delete-expired-data", dry_run=False)
        eventually(hits, within=WORKER_SECONDS)
        run = world.prefect.get(f"/flow_runs/{run_id}").json()
        os.kill(int(run["infrastructure_pid"].rpartition(":")[2]), signal.SIGKILL)
        assert ended(world, run_id)["state_type"] == "CRASHED"
    assert len(world.belongings(person.user_id)["users"]) == 1
    claims_lapse(world, person)

    again = ended(world, started(world, "delete-expired-data", dry_run=False))

    assert again["state_type"] == "COMPLETED"
    assert world.belongings(person.user_id)["users"] == []


def test_losing_the_prefect_server_does_not_stop_a_run(world: World) -> None:
    person, _ = former_customer(world, days_ago=91)
    slow = world.simulator.fault(kind="delay", seconds=2, contains=stripe_customer(world, person))
    with wired("prefect") as wires, slow as hits:
        settings = os.environ | wires.settings()
        with subprocess.Popen([sys.executable, "-c", SHOWN], env=settings, stderr=subprocess.DEVNULL) as running:
            try:
                eventually(hits)
                wires.fail("prefect", Fault.REFUSED)
                eventually(lambda: world.belongings(person.user_id)["data_deletions"])
            finally:
                running.kill()  # otherwise it reports its end to a missing server, for minutes
    assert world.belongings(person.user_id)["users"] == []
