"""Put a task, with its event and webhooks, in the transaction of what it follows from."""

from uuid import UUID

from nodes.clients.database.client import Transaction
from nodes.rules.tasks import TaskKind
from nodes.services import services


async def put_task(
    transaction: Transaction,
    *,
    user_id: str,
    kind: TaskKind,
    key: str,
    subscription_id: str | None = None,
    request_id: UUID | None = None,
    said: str | None = None,
) -> None:
    """Put a task for the company's team, once for each `kind` and `key`; a repetition changes nothing.

    `key`: what it is about, as the id of a call; ids and codes only. `said`: the customer's own text, of which the
    first 5,000 characters are kept for 90 days; `cancelflow tasks show` shows it, and it is sent nowhere. The event and
    the webhooks are sent later, by the trigger's process.
    """
    await transaction.run(
        "put_task",
        user_id=user_id,
        kind=kind,
        key=key,
        subscription_id=subscription_id,
        request_id=request_id,
        said=said,
        endpoints=services().settings.webhook_types,
    )
