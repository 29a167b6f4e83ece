"""Look up a call by its id or the vendor's."""

from dataclasses import dataclass
from uuid import UUID

from nodes.services import services


@dataclass(frozen=True)
class NamedCall:
    """A call, and the user that it belongs to."""

    id: UUID
    user_id: str


async def call_named(ours: UUID | None, vendor: str | None = None) -> NamedCall | None:
    """Return the call with our id or, else, with the vendor's; None for an unknown one."""
    async with services().database.without_user() as transaction:
        return await transaction.one("call_named", NamedCall, ours=ours, vendor=vendor)
