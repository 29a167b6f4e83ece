"""What one node hands to the next: ids, dates and decisions; nothing personal."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nodes.clients.billing_objects import BillingSubscription
from nodes.rules.stripe_changes import Change, EventOutcome


@dataclass(frozen=True)
class Subject:
    """A subscription of ours that an event is about."""

    id: str
    user_id: str


@dataclass(frozen=True)
class ToCopy:
    """What step 1B copies: a subscription with its customer, or a customer. `asked_at` is before that, by our clock."""

    subscription_id: str | None
    customer_id: str | None
    asked_at: datetime


class StripeEvent:
    """Step 1: an event of the inbox. Not a dataclass: every later record carries it (nodes/cancellation/records)."""

    def __init__(
        self,
        event_id: str,
        change: Change,
        *,
        tries: int,
        caused_by: UUID | None,
        subjects: tuple[Subject, ...],
        to_copy: ToCopy | None,
    ) -> None:
        self.id = event_id
        self.change = change
        self.tries = tries
        self.caused_by = caused_by
        self.subjects = subjects
        self.to_copy = to_copy


@dataclass(frozen=True)
class Seen:
    """Step 2: what Stripe says now, and what was told before.

    `announced_until`: when it ends, by what customer and company were told; None where they were told of no end.
    `end_is_announced`: its end has been dealt with, email and event included.
    """

    event: StripeEvent
    user_id: str
    plan: str
    billed: BillingSubscription
    announced_until: datetime | None
    end_is_announced: bool


@dataclass(frozen=True)
class Happened:
    """Step 3: what became of it."""

    seen: Seen
    outcome: EventOutcome


@dataclass(frozen=True)
class Later:
    """It is too early for this event; it has its turn again in so many seconds."""

    why: str
    seconds: float


@dataclass(frozen=True)
class Ended:
    """Step 8: a row of `subscription_ends`. `data_kept_until` is None where no data was promised to be kept."""

    id: UUID
    user_id: str
    subscription_id: str
    plan: str
    kind: str
    ended_at: datetime
    data_kept_until: datetime | None
    reason_is_known: bool
