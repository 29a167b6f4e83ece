"""What one node hands to the next: ids and counts."""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True)
class DueFeedback:
    """A request that is 90 days old, and whose it is: for the last time."""

    request_id: UUID
    user_id: str


@dataclass(frozen=True)
class Cleared:
    """Step 2: requests whose words are nowhere but with us. `failed`: by request, the failure's name."""

    requests: list[DueFeedback]
    failed: dict[str, str]


@dataclass(frozen=True)
class Anonymized:
    """Step 3."""

    requests: int
    failed: dict[str, str] = field(default_factory=dict)
