"""`cancelflow tasks`: list, show and done."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.tasks.made import new_key, put, task_of
from tests.test_command_line import Done, cancelflow, refused
from tests.world import Person, World

SAID = "I need [bold]SSO[/bold], and then I'd come back"


def tasks(world: World, folder: Path, *arguments: str) -> Done:
    database = world.addresses["database_admin_url"]
    return cancelflow("tasks", *arguments, cwd=folder, DATABASE_URL=database, DATABASE_ADMIN_URL=database)


@pytest.fixture(scope="module")
def person(world: World) -> Person:
    """Return a customer with one task, which is the oldest of all."""
    person, key = world.person("professional"), new_key()
    put(person.user_id, "sales", key, subscription_id=person.subscription_id, said=SAID)
    aged(world, key, 80)
    return person


def aged(world: World, key: str, days: int) -> None:
    """Make the task that old, as only the oldest are listed."""
    world.admin.execute("UPDATE tasks SET created_at = now() - %s::interval WHERE key = %s", [f"{days} days", key])


def test_open_tasks_are_listed_oldest_first_without_what_was_said(world: World, person: Person, tmp_path: Path) -> None:
    task = task_of(world, person)
    put(person.user_id, "escalation", key := new_key())
    aged(world, key, 79)

    lines = tasks(world, tmp_path).out.splitlines()

    mine = [line for line in lines if person.user_id in line]
    assert mine[0] == f"{task['id']}   80 days  sales          {person.user_id}  {task['key']}"
    assert mine[1].endswith(f"   79 days  escalation     {person.user_id}  {key}")
    assert "SSO" not in "".join(lines)
    world.admin.execute("DELETE FROM tasks WHERE key = %s", [key])


def test_a_task_is_shown_with_what_was_said(world: World, person: Person, tmp_path: Path) -> None:
    task = task_of(world, person)
    shown = tasks(world, tmp_path, "show", str(task["id"])).out
    assert shown.startswith(f"sales {task['id']}: open\n")
    assert f"subscription  {person.subscription_id}" in shown
    assert shown.endswith(f"\n\n{SAID}\n")


def test_a_task_is_done_once(world: World, tmp_path: Path) -> None:
    person = world.person("professional")
    put(person.user_id, "support", new_key())
    task_id = str(task_of(world, person)["id"])

    assert tasks(world, tmp_path, "done", task_id, "--by", "Ann") == Done(0, f"{task_id} is done\n", "")

    assert person.user_id not in tasks(world, tmp_path).out
    assert "TaskDone" in (again := refused(tasks(world, tmp_path, "done", task_id), 1))
    assert "was done by Ann, 20" in again
    assert "done by Ann" in tasks(world, tmp_path, "show", task_id).out


def test_an_unknown_id_is_refused(world: World, tmp_path: Path) -> None:
    for command in ("show", "done"):
        assert "there is no task" in refused(tasks(world, tmp_path, command, str(uuid4())), 1)
    assert tasks(world, tmp_path, "done", "sales").code == 2
