"""The values passed between nodes: ids, dates and amounts; nothing personal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from nodes.offers.agreed import Preview
from nodes.rules.eligibility import Interval


@dataclass(frozen=True)
class Reminder:
    """A change, or the retention offer of a cancellation request, whose reminder is due."""

    request_id: UUID
    user_id: str
    subscription_id: str
    plan: str
    kind: str  # pause or discount
    offer_id: str | None
    agreed: dict[str, Any]


class Due:
    """Step 1: a reminder that still applies. Not a dataclass, so that Prefect doesn't look into it.

    `ends_at`: of the pause or the discount. `now`: what is charged next; `after`: once it has ended.
    """

    def __init__(self, reminder: Reminder, ends_at: datetime, now: Preview, after: Preview, interval: Interval) -> None:
        self.reminder = reminder
        self.ends_at = ends_at
        self.now = now
        self.after = after
        self.interval = interval
