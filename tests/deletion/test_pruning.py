"""Only temporary data is deleted: idempotency keys, Stripe's events, and Prefect's own runs."""

import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from deployments.local.parts.prefect_server import server_environment
from flows.prune_history import prune_history
from nodes.pruning.batches import BATCH
from tests.deletion.former_customers import swept
from tests.world import Person, World

pytestmark = pytest.mark.slow

PRUNE_SECONDS = 180


def keyed(world: World, *, hours_ago: float) -> tuple[Person, str]:
    """Create a customer who cancelled with a key so long ago."""
    person, key = world.person("professional"), uuid.uuid4().hex
    person.headers["Idempotency-Key"] = key
    assert world.cancel(person).status_code == 200
    made = "UPDATE idempotency_keys SET created_at = now() - make_interval(secs => %s) WHERE key = %s"
    world.admin.execute(made, [hours_ago * 3600, key])
    return person, key


def events_handled(world: World, *, days_ago: float, how_many: int = 1, handled: bool = True) -> str:
    """Insert so many Stripe events, and return the prefix of their ids."""
    mark = f"evt_{uuid.uuid4().hex[:12]}"
    world.admin.execute(
        """INSERT INTO stripe_events (id, type, change, created_at, livemode, resume_at, handled_at, parked_at, outcome)
        SELECT %(mark)s || n, 'customer.subscription.updated', 'nothing', now(), false, NULL,
            CASE WHEN %(handled)s THEN now() - make_interval(secs => %(seconds)s) END,
            CASE WHEN NOT %(handled)s THEN now() - make_interval(secs => %(seconds)s) END, 'nothing'
        FROM generate_series(1, %(how_many)s) n""",
        {"mark": mark, "seconds": days_ago * 24 * 3600, "how_many": how_many, "handled": handled},
    )
    return mark


def remaining(world: World, mark: str) -> int:
    return int(world.row("SELECT count(*) AS n FROM stripe_events WHERE id LIKE %s", f"{mark}%")["n"])


def test_an_idempotency_key_is_deleted_after_a_day_and_its_request_is_kept(world: World) -> None:
    (old, old_key), (_, young_key) = keyed(world, hours_ago=24.1), keyed(world, hours_ago=23.9)

    assert swept(prune_history).is_completed()

    kept = world.rows("SELECT key FROM idempotency_keys WHERE key = ANY(%s)", [old_key, young_key])
    assert [row["key"] for row in kept] == [young_key]
    assert world.row("SELECT outcome FROM cancellation_requests WHERE user_id = %s", old.user_id)
    assert world.cancel(old).status_code == 409  # a new request, and there is nothing left to cancel


def test_handled_events_are_deleted_after_a_month_and_parked_ones_are_kept(world: World) -> None:
    many = events_handled(world, days_ago=31.1, how_many=BATCH + 1)
    young, parked = events_handled(world, days_ago=30.9), events_handled(world, days_ago=90, handled=False)

    said = swept(prune_history).message

    assert (remaining(world, many), remaining(world, young), remaining(world, parked)) == (0, 1, 1)
    assert said is not None and "idempotency keys" in said
    assert "0 Stripe events" in str(swept(prune_history).message)
    world.admin.execute("DELETE FROM stripe_events WHERE id LIKE %s", [f"{parked}%"])


def test_a_count_of_attempts_is_deleted_after_its_minute(world: World) -> None:
    counted = "INSERT INTO attempts (user_id, since) VALUES (%s, now() + make_interval(secs => %s))"
    over, running = uuid.uuid4().hex, uuid.uuid4().hex
    world.admin.execute(counted, [over, -61])
    world.admin.execute(counted, [running, 3600])

    assert swept(prune_history).is_completed()

    kept = world.rows("SELECT user_id FROM attempts WHERE user_id = ANY(%s)", [over, running])
    assert [row["user_id"] for row in kept] == [running]


def test_webhooks_are_deleted_after_30_days(world: World) -> None:
    user_id = uuid.uuid4().hex
    put = """INSERT INTO webhook_deliveries (user_id, endpoint, type, key, at, data, due_at)
        VALUES (%s, 'every', 'session.started', %s, now() - make_interval(secs => %s), '{}', %s)"""
    for key, days, due_at in (("old", 30.1, None), ("young", 29.9, None), ("waiting", 30.1, datetime.now(UTC))):
        world.admin.execute(put.encode(), [user_id, f"{user_id} {key}", days * 24 * 3600, due_at])

    said = swept(prune_history).message

    kept = world.rows("SELECT key FROM webhook_deliveries WHERE user_id = %s ORDER BY key", user_id)
    assert [row["key"].partition(" ")[2] for row in kept] == ["young"]
    assert said is not None and " webhooks" in said


def test_proof_of_consent_is_deleted_five_years_after_the_customers_other_data(world: World) -> None:
    recorded = "INSERT INTO consents (user_id, channel, accepted, recorded_at) VALUES (%s, 'sms', false, now() - %s)"
    deleted = "INSERT INTO data_deletions (user_id, deleted_at, removed, kept) VALUES (%s, now() - %s, '[]', '[]')"
    over, young = uuid.uuid4().hex, uuid.uuid4().hex
    for user_id, days_ago in ((over, 5 * 366), (young, 5 * 364)):
        world.admin.execute(recorded, [user_id, timedelta(days=days_ago + 100)])
        world.admin.execute(deleted, [user_id, timedelta(days=days_ago)])

    assert swept(prune_history).is_completed()

    kept = world.rows("SELECT user_id FROM consents WHERE user_id = ANY(%s)", [over, young])
    assert [row["user_id"] for row in kept] == [young]


def test_done_tasks_are_deleted_after_90_days_and_open_ones_forget_what_was_said(world: World) -> None:
    user_id = world.person("professional").user_id
    put = """WITH task AS (
            INSERT INTO tasks (user_id, kind, key, said, created_at, done_at, done_by, publish_at)
            VALUES (%(user)s, 'support', %(user)s || %(key)s, 'Too dear', now() - %(created)s::interval,
                now() - %(done)s::interval, CASE WHEN %(done)s::interval IS NOT NULL THEN 'ann' END, NULL) RETURNING id)
        INSERT INTO outbox (request_id, user_id, kind, delivered_at)
        SELECT id, %(user)s, 'customer_success.task', now() FROM task"""
    for key, created, done in (
        ("over", "200 days", "91 days"),
        ("recent", "200 days", "89 days"),
        ("open", "91 days", None),
        ("young", "89 days", None),
    ):
        world.admin.execute(put, {"user": user_id, "key": key, "created": created, "done": done})

    assert swept(prune_history).is_completed()

    kept = world.rows("SELECT key, said FROM tasks WHERE user_id = %s", user_id)
    texts = {each["key"].removeprefix(user_id): each["said"] for each in kept}
    assert texts == {"recent": None, "open": None, "young": "Too dear"}
    assert world.row("SELECT count(*) FROM outbox WHERE user_id = %s", user_id)["count"] == 3


def test_results_of_unknown_calls_are_deleted_after_90_days(world: World) -> None:
    over, young = uuid.uuid4().hex, uuid.uuid4().hex
    for vendor_call_id, days_ago in ((over, 90.1), (young, 89.9)):
        world.admin.execute(
            """INSERT INTO unknown_calls (vendor_call_id, status, received_at)
            VALUES (%s, 'completed', now() - make_interval(secs => %s))""",
            [vendor_call_id, days_ago * 24 * 3600],
        )

    assert swept(prune_history).is_completed()

    left = "DELETE FROM unknown_calls WHERE vendor_call_id = ANY (%s) RETURNING vendor_call_id"
    assert [row["vendor_call_id"] for row in world.rows(left, [over, young])] == [young]


def test_prefects_runs_are_deleted_after_90_days(world: World, tmp_path: Path) -> None:
    """Runs the server's own clean-up with the stack's settings immediately, not in an hour."""
    flow = world.prefect.get("/flows/name/cancel-subscription").json()
    state = {"type": "COMPLETED", "name": "Completed"}
    runs = [
        world.prefect.post("/flow_runs/", json={"flow_id": flow["id"], "state": state}).json()["id"] for _ in range(2)
    ]
    with psycopg.connect(world.addresses["database_admin_url"], dbname="prefect") as connection:
        for run, days in zip(runs, (90.1, 89.9), strict=True):
            ended = datetime.now(UTC) - timedelta(days=days)
            connection.execute("UPDATE flow_run SET end_time = %s WHERE id = %s", [ended, run])

    database = world.addresses["database_admin_url"].replace("postgresql://", "postgresql+asyncpg://")
    database = database.rpartition("/")[0] + "/prefect"
    pruned = """
import asyncio
from prefect.server.services.db_vacuum import vacuum_old_flow_runs
from prefect.settings import get_current_settings
assert "flow_runs" in get_current_settings().server.services.db_vacuum.enabled_vacuum_types
from prefect.server.database import provide_database_interface
asyncio.run(vacuum_old_flow_runs(db=provide_database_interface()))
"""
    environment = {
        **os.environ,
        "PREFECT_HOME": str(tmp_path),
        **server_environment(tmp_path, "http://unused", database, {}),
    }
    done = subprocess.run(
        [sys.executable, "-c", pruned], env=environment, capture_output=True, text=True, timeout=PRUNE_SECONDS
    )
    assert done.returncode == 0, done.stderr[-2000:]

    assert [world.prefect.get(f"/flow_runs/{run}").status_code for run in runs] == [404, 200]


def test_the_retention_of_prefects_runs_can_be_set(tmp_path: Path) -> None:
    name = "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD"
    kept = [server_environment(tmp_path, "", "", given)[name] for given in ({}, {name: "86400", "OTHER": "1"})]
    assert kept == [str(90 * 24 * 60 * 60), "86400"]
