"""Step 1: find the sessions in which nothing happens any more (FEATURES U24)."""

from nodes.node import node
from nodes.services import services

BATCH = 500


@node("Close Idle Sessions", step="1")
async def close_idle_sessions() -> int:
    """Return the number of sessions found idle. Those without a decision are reported as abandoned (FEATURES F11).

    Nothing is closed to the customer: a session goes on when they return, and may be completed then.
    """
    settings, closed = services().settings, 0
    while True:
        async with services().database.without_user() as transaction:
            [batch] = await transaction.values(
                "close_idle_sessions",
                idle_minutes=settings.session_idle_minutes,
                endpoints=settings.webhook_types,
                task_kinds=sorted(settings.tasks_for),
                at_most=BATCH,
            )
        closed += int(batch)
        if batch < BATCH:
            return closed
