"""Claim the calls that are due, each for one process at a time."""

from uuid import UUID

from nodes.services import services


async def claim_calls(at_most: int) -> list[UUID]:
    """Claim calls of any user, longest overdue first; return their ids."""
    if services().settings.call_webhook_url is None:  # switched off while calls waited
        return []
    async with services().database.without_user() as transaction:
        return await transaction.values("claim_calls", at_most=at_most)
