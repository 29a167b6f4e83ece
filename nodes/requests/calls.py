"""Plan the call to a customer who cancelled, in the transaction that finishes the cancellation."""

from uuid import UUID

from nodes.clients.database.client import Transaction
from nodes.services import services


async def plan_call(transaction: Transaction, request_id: UUID) -> None:
    """Plan a call if the request is a cancellation that took effect; nothing without CALL_WEBHOOK_URL.

    Once for each cancellation. Whether the customer is called is decided by `call-customer`.
    """
    if services().settings.call_webhook_url:
        await transaction.run("plan_call", request_id=request_id)
