"""The values passed between nodes: ids and counts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Notices:
    """Step 2: the notices. `refused`: emails that can never be delivered. `failed`: failures' names by user."""

    sent: int
    refused: int
    failed: dict[str, str]
