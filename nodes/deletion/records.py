"""The values passed between nodes: only ids, counts and reasons, because Prefect sees them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nodes.clients.billing.objects import BillingSubscription


@dataclass(frozen=True)
class Selection:
    """The next users to claim. A dry run claims none, and continues after the last id that it saw."""

    dry_run: bool
    at_most: int
    after: str | None = None


@dataclass(frozen=True)
class Batch:
    """Step 2: users whose jobs are due now, or will be in `ahead`."""

    users: list[str]
    dry_run: bool = False
    ahead: timedelta = timedelta()


@dataclass(frozen=True)
class Over:
    """A user whose subscriptions have all been over for 90 days. `unheard`: those whose rows are outdated."""

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
    """Step 3: the decisions. `failed`: failures' names by user."""

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
        """The number of deleted rows."""
        return sum(part["rows"] for part in self.removed)


@dataclass(frozen=True)
class Outcome:
    """Step 6: the result of a batch. `gone`: the number of users that another run deleted first."""

    deleted: list[Deleted]
    gone: int = 0
    failed: dict[str, str] = field(default_factory=dict)
