"""What waits to be taken up, each for one process at a time: ids, and nothing else of their users."""

from dataclasses import dataclass
from uuid import UUID

from nodes.services import services


@dataclass(frozen=True)
class Claimed:
    """`died_in`: the flow run that left it unfinished."""

    id: str
    died_in: UUID | None


@dataclass(frozen=True)
class _Request:
    id: UUID
    died_in: UUID | None


async def claim_reactivations(at_most: int) -> list[Claimed]:
    """Requests to go on, of any user, whose lease has passed."""
    async with services().database.as_nobody() as transaction:
        found = await transaction.all("claim_reactivations", _Request, at_most=at_most)
    return [Claimed(str(each.id), each.died_in) for each in found]
