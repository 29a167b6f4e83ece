"""The outbox of outgoing webhooks, filled in the transaction of what they report (FEATURES U19, F12)."""

from uuid import UUID

from nodes.clients.database.client import Transaction
from nodes.services import services


async def put_webhooks(transaction: Transaction, about: UUID) -> None:
    """Put the events of a session, a request or a subscription's end into the outbox; nothing without endpoints.

    What the events are is decided in SQL, from the rows as they are now. One that is there already is not put there
    again, so this may be called for whatever might have happened.
    """
    if types := services().settings.webhook_types:
        await transaction.run("put_webhooks", about=about, endpoints=types)
