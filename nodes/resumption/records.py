"""Unfinished work of the three kinds."""

from dataclasses import dataclass
from enum import StrEnum

from nodes.clients.database import Claimed


class Work(StrEnum):
    """The kinds of work, by their names in logs and artifacts."""

    CANCELLATION = "cancellation"
    REACTIVATION = "reactivation"
    EVENT = "Stripe event"


@dataclass(frozen=True)
class Left:
    """Unfinished work that this process has claimed."""

    work: Work
    claimed: Claimed

    @property
    def id(self) -> str:
        """The id of the request or of Stripe's event."""
        return self.claimed.id
