"""Claim replies that have no category yet, each for one process at a time."""

from uuid import UUID

from nodes.services import services


async def claim_replies(at_most: int) -> list[UUID]:
    """Claim replies of any user; return their ids."""
    async with services().database.without_user() as transaction:
        found: list[UUID] = await transaction.values("claim_replies", at_most=at_most)
    return found
