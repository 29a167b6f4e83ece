"""Claim the calls whose result is to be routed, each for one process at a time."""

from uuid import UUID

from nodes.services import services


async def claim_call_results(at_most: int) -> list[UUID]:
    """Claim calls of any user, longest overdue first; return their ids."""
    if not services().settings.call_result_secrets:  # none can have come
        return []
    async with services().database.without_user() as transaction:
        return await transaction.values("claim_call_results", at_most=at_most)
