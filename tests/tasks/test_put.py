"""A task is put once, with its event, and without its text where that does not belong (FEATURES F11, W19)."""

from dataclasses import replace
from functools import partial
from typing import get_args
from uuid import UUID, uuid4

import pytest
from psycopg import errors

from nodes.rules.tasks import TaskKind
from tests.faults.topic import Topic, subscribed
from tests.tasks.made import new_key, published, put, task_of, tasks_of
from tests.waiting import concurrently, eventually
from tests.world import World


def events(topic: Topic, user_id: str) -> list[dict[str, str]]:
    return [each for each in topic.events_of(user_id) if each["event"] == "customer_success.task"]


def test_a_task_is_put_once_however_often_and_published_without_what_was_said(world: World) -> None:
    person, key, request_id = world.person("professional"), new_key(), uuid4()
    with subscribed() as topic:
        once = partial(
            put,
            person.user_id,
            "sales",
            key,
            subscription_id=person.subscription_id,
            request_id=request_id,
            said="I need SSO, and then I'd come back",
        )
        concurrently(*[once] * 3)
        once()

        task = task_of(world, person)
        assert task["said"] == "I need SSO, and then I'd come back"
        eventually(lambda: published(world, task["id"]))
        eventually(lambda: task_of(world, person)["publish_at"] is None)
        [event] = events(topic, person.user_id)

    event_id = world.row("SELECT id FROM outbox WHERE request_id = %s", task["id"])["id"]
    assert event.pop("created_at").endswith("Z")
    assert event == {
        "event": "customer_success.task",
        "event_id": str(event_id),
        "user_id": person.user_id,
        "request_id": str(task["id"]),
        "task": "sales",
        "subscription_id": person.subscription_id,
        "about_request_id": str(request_id),
        "session_id": None,
    }


def test_each_kind_has_its_own_task_about_the_same_key(world: World) -> None:
    person, key = world.person("professional"), new_key()
    for kind in get_args(TaskKind):
        put(person.user_id, kind, key)
    found = tasks_of(world, person.user_id)
    assert sorted(each["kind"] for each in found) == sorted(get_args(TaskKind))


def test_a_task_that_is_rolled_back_leaves_nothing(world: World) -> None:
    person = world.person("professional")
    unknown = replace(person, user_id=f"nobody-{uuid4()}")
    before = world.belongings(person.user_id)
    with pytest.raises(Exception, match="tasks_user_id_fkey"):
        put(unknown.user_id, "sales", new_key())
    assert tasks_of(world, unknown.user_id) == []
    assert world.belongings(person.user_id) == before


def test_a_long_text_is_cut(world: World) -> None:
    person = world.person("professional")
    put(person.user_id, "support", new_key(), said="x" * 6000)
    assert task_of(world, person)["said"] == "x" * 5000


def test_a_task_about_a_request_names_its_session(world: World) -> None:
    person, session_id = world.person("professional"), uuid4()
    request_id = UUID(world.request_id(world.cancel(person)))
    world.admin.execute(
        """INSERT INTO cancel_sessions (id, user_id, subscription_id, browser, livemode, options, blueprint_version,
            blueprint, cancellation_id, idle_at) VALUES (%s, %s, %s, '', false, '{}', 0, 'default', %s, now())""",
        [session_id, person.user_id, person.subscription_id, request_id],
    )
    put(person.user_id, "escalation", new_key(), request_id=request_id)
    assert task_of(world, person)["session_id"] == session_id


def test_the_application_can_neither_change_nor_delete_what_was_said(world: World) -> None:
    person = world.person("professional")
    put(person.user_id, "billing", new_key(), said="I didn't cancel")
    for statement in ("UPDATE tasks SET said = ''", "DELETE FROM tasks"):
        with world.as_application(person.user_id) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement.encode())
    assert task_of(world, person)["said"] == "I didn't cancel"
