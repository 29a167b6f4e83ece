"""Publish the events of tasks, outside of flows: no customer and no step waits for them (FEATURES F11, W19)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nodes.messages.events import publish_event
from nodes.messages.outbox import TASK_EVENT
from nodes.rules.dates import rfc3339
from nodes.services import services


@dataclass(frozen=True)
class DueTask:
    """A task whose event this process has claimed. Its claim has set when the event is due again."""

    id: UUID
    user_id: str


@dataclass(frozen=True)
class _Task:
    kind: str
    subscription_id: str | None
    request_id: UUID | None
    session_id: UUID | None
    created_at: datetime


async def claim_task_events(at_most: int) -> list[DueTask]:
    """Claim tasks of any user whose event is to be published, longest overdue first."""
    async with services().database.without_user() as transaction:
        return await transaction.all("claim_task_events", DueTask, at_most=at_most)


async def publish_task(due: DueTask) -> None:
    """Publish `customer_success.task` from the outbox, without what the customer said. Raises `EventsFailed`."""
    async with services().database.as_user(due.user_id) as transaction:
        task = await transaction.one("task_to_publish", _Task, task_id=due.id)
    if task is None:  # the customer's data was deleted in the meantime
        return
    await publish_event(
        due.id,
        due.user_id,
        TASK_EVENT,
        task=task.kind,
        subscription_id=task.subscription_id,
        about_request_id=str(task.request_id) if task.request_id else None,
        session_id=str(task.session_id) if task.session_id else None,
        created_at=rfc3339(task.created_at),
    )
    async with services().database.as_user(due.user_id) as transaction:
        await transaction.run("task_published", task_id=due.id)
