"""Tasks as the product's own code puts them, and what is stored of them."""

import asyncio
import uuid
from typing import Any
from uuid import UUID

from nodes.rules.tasks import TaskKind
from nodes.services import services, services_of_this_run
from nodes.tasks.put import put_task
from tests.world import Person, Row, World


def put(user_id: str, kind: TaskKind, key: str, **task: Any) -> None:
    """Put a task in a transaction of its own."""

    async def run() -> None:
        async with services_of_this_run(), services().database.as_user(user_id) as transaction:
            await put_task(transaction, user_id=user_id, kind=kind, key=key, **task)

    asyncio.run(run())


def new_key() -> str:
    return uuid.uuid4().hex


def tasks_of(world: World, user_id: str) -> list[Row]:
    return world.rows("SELECT * FROM tasks WHERE user_id = %s ORDER BY created_at", user_id)


def task_of(world: World, person: Person) -> Row:
    [found] = tasks_of(world, person.user_id)
    return found


def published(world: World, task_id: UUID) -> Row | None:
    """Return the task's item in the outbox, if it was delivered."""
    [item] = world.rows("SELECT * FROM outbox WHERE request_id = %s", task_id)
    return item if item["delivered_at"] else None
