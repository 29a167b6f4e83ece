"""The values passed between nodes: ids and counts."""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True)
class DueFeedback:
    """A request that is 90 days old, with its user, whose link is about to be removed."""

    request_id: UUID
    user_id: str


@dataclass(frozen=True)
class Cleared:
    """Step 2: requests whose comments no longer exist in Stripe. `failed`: failures' names by request."""

    requests: list[DueFeedback]
    failed: dict[str, str]


@dataclass(frozen=True)
class Anonymized:
    """Step 3: the number of anonymized requests. `failed`: failures' names by request."""

    requests: int
    failed: dict[str, str] = field(default_factory=dict)
