"""The tasks that sessions of the cancel page make, where the company wants them (FEATURES F11)."""

from uuid import UUID

from nodes.clients.database.client import Transaction
from nodes.services import services


async def put_session_tasks(transaction: Transaction, about: UUID) -> None:
    """Put the task of an abandoned or saved session, and end those that a customer's decision has settled.

    `about`: the session, or a request that has ended. Decided in SQL, from the rows as they are now, so this may be
    called for whatever might have happened. Nothing without TASKS_FOR.
    """
    settings = services().settings
    if settings.tasks_for:
        kinds = sorted(settings.tasks_for)
        await transaction.run("put_session_tasks", about=about, kinds=kinds, endpoints=settings.webhook_types)
