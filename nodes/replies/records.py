"""The values of nodes about replies: ids; nothing personal, because Prefect sees them."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class CategorizedReply:
    """A reply with a category. `certain`: it needs no person."""

    id: UUID
    certain: bool
