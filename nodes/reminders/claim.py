"""Claim the reminders that are due, each for one process at a time."""

from uuid import UUID

from nodes.services import services


async def claim_reminders(at_most: int) -> list[str]:
    """Claim requests of any user whose reminder is due; return their ids."""
    async with services().database.without_user() as transaction:
        found: list[UUID] = await transaction.values("claim_reminders", at_most=at_most)
    return [str(each) for each in found]
