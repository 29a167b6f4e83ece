"""What one node hands to the next: ids and counts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Notices:
    """Step 2. `refused`: emails that will never be taken. `failed`: by user, the failure's name."""

    sent: int
    refused: int
    failed: dict[str, str]
