"""Claim the deliveries that are due, each for one process at a time."""

from dataclasses import dataclass
from uuid import UUID

from nodes.services import services


@dataclass(frozen=True)
class DueWebhook:
    """A claimed delivery. Its claim has counted the attempt, and set when the next one is due."""

    id: UUID
    user_id: str


async def claim_webhooks(endpoint: str, at_most: int) -> list[DueWebhook]:
    """Claim an endpoint's deliveries, of any user, longest overdue first."""
    async with services().database.without_user() as transaction:
        return await transaction.all("claim_webhooks", DueWebhook, endpoint=endpoint, at_most=at_most)
