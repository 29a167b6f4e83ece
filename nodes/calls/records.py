"""The values passed between nodes: ids, dates and decisions; nothing personal."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class Call:
    """A row of `calls`, and the subscription whose cancellation it is about."""

    id: UUID
    user_id: str
    subscription_id: str


@dataclass(frozen=True)
class WaitingCall(Call):
    """Step 1: a call that waits.

    `now`: when it was read, by the database's clock, which also decides when a call is due. `gate`: what it waited for
    until now. `revoked`: our rows show that the cancellation was taken back, or a new subscription.
    """

    stripe_customer_id: str
    now: datetime
    gate: str | None
    created_at: datetime
    time_zone: str | None
    revoked: bool


@dataclass(frozen=True)
class Closed:
    """A gate that is closed. `until`: when to look again; None if the call is not to be placed at all."""

    gate: str
    until: datetime | None = None
