"""What was left, of the three kinds of work."""

from dataclasses import dataclass
from enum import StrEnum

from nodes.clients.database import Claimed


class Work(StrEnum):
    """As a person reads it."""

    CANCELLATION = "cancellation"
    REACTIVATION = "reactivation"
    EVENT = "Stripe event"


@dataclass(frozen=True)
class Left:
    """Something that a run left, and that is this process's now."""

    work: Work
    claimed: Claimed

    @property
    def id(self) -> str:
        """Of the request, or of Stripe's event."""
        return self.claimed.id
