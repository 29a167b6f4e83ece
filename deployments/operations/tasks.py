"""`cancelflow tasks`: what a person should do about customers, from the database. Runs as the owner."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row
from rich.console import Console

from deployments.operations.requests import connected
from deployments.terminal import age, printable, time
from nodes.errors import CancelflowError
from nodes.settings import DatabaseSettings
from sql import QUERIES

AT_MOST_LISTED = 200


class TaskUnknown(CancelflowError):
    """No task has this id: it never existed, or it was deleted with its customer's data."""


class TaskDone(CancelflowError):
    """The task was done before."""


@dataclass(frozen=True)
class OpenTask:
    """A task that waits for a person. `key`: what it is about, where it has no session or request."""

    id: UUID
    user_id: str
    kind: str
    key: str
    subscription_id: str | None
    request_id: UUID | None
    session_id: UUID | None
    created_at: datetime
    age: timedelta

    @property
    def about(self) -> str:
        """Return what it is about, for the list."""
        if self.session_id:
            return f"session {self.session_id}"
        return f"request {self.request_id}" if self.request_id else self.key


@dataclass(frozen=True)
class Task(OpenTask):
    """A task with what the customer said, until that is forgotten. `booking_id`: of a call that they booked."""

    said: str | None
    done_at: datetime | None
    done_by: str | None
    booking_id: str | None

    @property
    def state(self) -> str:
        """Return whether it is done, since when, and by whom."""
        return f"done by {self.done_by}, {time(self.done_at)}" if self.done_at else "open"


def open_tasks(settings: DatabaseSettings) -> list[OpenTask]:
    """Return the open tasks, oldest first; at most `AT_MOST_LISTED`, and one more if there are more."""
    with connected(settings) as connection, connection.cursor(row_factory=class_row(OpenTask)) as cursor:
        return cursor.execute(QUERIES["open_tasks"], {"at_most": AT_MOST_LISTED + 1}).fetchall()


def task_of(settings: DatabaseSettings, task_id: UUID) -> Task:
    """Return a task with what was said. Raises `TaskUnknown`."""
    with connected(settings) as connection, connection.cursor(row_factory=class_row(Task)) as cursor:
        found = cursor.execute(QUERIES["task"], {"task_id": task_id}).fetchone()
    if found is None:
        raise TaskUnknown(f"there is no task {task_id}: `cancelflow tasks` lists the open ones")
    return found


def mark_done(settings: DatabaseSettings, task_id: UUID, by: str) -> None:
    """Take a task off the list. Raises `TaskUnknown` and `TaskDone`."""
    with connected(settings) as connection:
        done = connection.execute(QUERIES["task_done"], {"task_id": task_id, "done_by": by}).fetchone()
    if not done:
        raise TaskDone(f"{task_id} was {task_of(settings, task_id).state}")


def print_list(tasks: list[OpenTask], console: Console) -> None:
    """Print the open tasks: ids and codes only."""
    lines = [
        f"{each.id}  {age(each.age):>8}  {each.kind:13}  {each.user_id}  {each.about}"
        for each in tasks[:AT_MOST_LISTED]
    ]
    if len(tasks) > AT_MOST_LISTED:
        lines.append(f"and more: these are the oldest {AT_MOST_LISTED}")
    _print(lines or ["no task is open"], console)


def print_task(task: Task, console: Console) -> None:
    """Print everything about a task, with the customer's own text."""
    _print(_lines(task), console)


def _lines(task: Task) -> Iterator[str]:
    yield f"{task.kind} {task.id}: {task.state}"
    yield f"created       {time(task.created_at)}"
    yield f"user          {task.user_id}"
    ids = {
        "subscription": task.subscription_id,
        "request": task.request_id,
        "session": task.session_id,
        "booking": task.booking_id,
    }
    yield from (f"{name:13} {value}" for name, value in ids.items() if value)
    yield f"about         {task.key}"
    if task.said:
        yield f"\n{printable(task.said)}"


def _print(lines: Iterable[str], console: Console) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
