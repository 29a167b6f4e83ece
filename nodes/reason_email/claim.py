"""Which emails are due, each for one process at a time: ids, and nothing else of their users."""

from uuid import UUID

from nodes.services import services


async def claim_reason_emails(at_most: int) -> list[str]:
    """Requests, of any user, whose confirmation is out and whose moment for the question has come."""
    async with services().database.without_user() as transaction:
        found: list[UUID] = await transaction.values("claim_reason_emails", at_most=at_most)
    return [str(each) for each in found]
