"""What one node of the deletion hands to the next: ids, counts and reasons, for Prefect sees them pass."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nodes.clients.billing_objects import BillingSubscription


@dataclass(frozen=True)
class Selection:
    """The next users to take. A dry run takes nothing, and goes on after the last id that it saw."""

    dry_run: bool
    at_most: int
    after: str | None = None


@dataclass(frozen=True)
class Batch:
    """Step 2: users whose data is due, by their jobs, or will be in `ahead`."""

    users: list[str]
    dry_run: bool = False
    ahead: timedelta = timedelta()


@dataclass(frozen=True)
class Over:
    """A user whose every subscription will have been over for 90 days. `unheard`: what our rows do not know yet."""

    user_id: str
    unheard: list[BillingSubscription]


@dataclass(frozen=True)
class PutOff:
    """A user whose data is still needed. `reason` as in sql/migrations/0007."""

    user_id: str
    until: datetime
    reason: str


@dataclass(frozen=True)
class Checked:
    """Step 3. `failed`: by user, the failure's name."""

    over: list[Over]
    put_off: list[PutOff]
    failed: dict[str, str]
    dry_run: bool


@dataclass(frozen=True)
class Deleted:
    """The deletion record of one user: `removed` and `kept` as in sql/migrations/0009."""

    user_id: str
    removed: list[dict[str, Any]]
    kept: list[dict[str, Any]]

    @property
    def rows(self) -> int:
        """How many went."""
        return sum(part["rows"] for part in self.removed)


@dataclass(frozen=True)
class Outcome:
    """Step 6: what became of a batch. `gone`: users whom another run was faster with."""

    deleted: list[Deleted]
    gone: int = 0
    failed: dict[str, str] = field(default_factory=dict)
