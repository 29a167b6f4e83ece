"""A task waits while Pub/Sub is down, and is published later, once (FEATURES W18, W19)."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from deployments.migrations import migrate
from nodes.errors import EventsFailed
from nodes.services import services_of_this_run
from nodes.tasks.publish import DueTask, claim_task_events, publish_task
from tests.faults.topic import subscribed
from tests.nodes.clients.test_database import new_database, settings
from tests.ports import free_port
from tests.tasks.made import new_key, put
from tests.world import Row, World

pytestmark = pytest.mark.slow


@pytest.fixture
def database(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Row]]:
    """Yield a connection as the owner to a database that no trigger looks at."""
    with new_database(world.addresses["database_admin_url"]) as url:
        migrate(settings(url))
        for name in ("DATABASE_URL", "DATABASE_ADMIN_URL"):
            monkeypatch.setenv(name, url)
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            yield connection


def publish_due() -> list[DueTask]:
    """Do what the trigger does each second; return what was claimed."""

    async def run() -> list[DueTask]:
        async with services_of_this_run():
            claimed = await claim_task_events(10)
            for each in claimed:
                await publish_task(each)
            return claimed

    return asyncio.run(run())


def test_a_task_is_published_once_when_pubsub_is_back(
    database: psycopg.Connection[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = f"user-{uuid4()}"
    database.execute("INSERT INTO users (id) VALUES (%s)", [user_id])
    with subscribed() as topic, monkeypatch.context() as down:
        down.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{free_port()}")
        put(user_id, "billing", new_key(), said="I didn't cancel")
        with pytest.raises(EventsFailed):
            publish_due()
        assert publish_due() == []  # not before a pause
        [item] = database.execute("SELECT attempts, delivered_at FROM outbox").fetchall()
        assert item == {"attempts": 1, "delivered_at": None}
        down.undo()
        database.execute("UPDATE tasks SET publish_at = now()")  # the pause is over

        assert len(publish_due()) == 1
        assert publish_due() == []

        assert [each["task"] for each in topic.events_of(user_id)] == ["billing"]
    [task] = database.execute("SELECT publish_at FROM tasks").fetchall()
    assert task == {"publish_at": None}


def test_a_process_that_dies_after_publishing_publishes_nothing_again(database: psycopg.Connection[Row]) -> None:
    user_id = f"user-{uuid4()}"
    database.execute("INSERT INTO users (id) VALUES (%s)", [user_id])
    with subscribed() as topic:
        put(user_id, "sales", new_key())
        publish_due()
        database.execute("UPDATE tasks SET publish_at = now()")  # as if the task had not been marked
        assert len(publish_due()) == 1
        assert len(topic.events_of(user_id)) == 1
