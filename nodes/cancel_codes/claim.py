"""Claim the codes that are to be sent, each for one process at a time."""

from uuid import UUID

from nodes.services import services


async def claim_cancel_codes(at_most: int) -> list[str]:
    """Look up whose address each new code was asked for, and claim those that have a user; return their ids."""
    async with services().database.without_user() as transaction:
        found: list[UUID] = await transaction.values("claim_cancel_codes", at_most=at_most)
    return [str(each) for each in found]
