"""Unfinished work: requests of every kind, and Stripe's events."""

from dataclasses import dataclass

from nodes.clients.database.client import Claimed

# The name of Stripe's events in logs and artifacts; requests have the name of their kind.
EVENT = "Stripe event"


@dataclass(frozen=True)
class Left:
    """Unfinished work that this process has claimed. `work`: one of sql.KINDS, or `EVENT`."""

    work: str
    claimed: Claimed

    @property
    def id(self) -> str:
        """The id of the request or of Stripe's event."""
        return self.claimed.id
