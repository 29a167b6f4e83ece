"""Claim the emails that are due, each for one process at a time."""

from uuid import UUID

from nodes.services import services


async def claim_reason_emails(at_most: int) -> list[str]:
    """Claim requests of any user whose confirmation was sent and whose email is due; return their ids."""
    async with services().database.without_user() as transaction:
        found: list[UUID] = await transaction.values("claim_reason_emails", at_most=at_most)
    return [str(each) for each in found]
