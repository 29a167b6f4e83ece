"""The values passed between nodes: ids, dates and decisions; nothing personal."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nodes.clients.billing.objects import BillingSubscription
from nodes.rules.stripe_changes import Change, EventOutcome
from nodes.rules.ways_to_stay import ChangeKind


@dataclass(frozen=True)
class Subject:
    """A subscription in our tables that an event is about."""

    id: str
    user_id: str


@dataclass(frozen=True)
class ToCopy:
    """The objects to copy in step 1B: a subscription with its customer, or a customer.

    `asked_at`: a time before Stripe is read, by the database's clock.
    """

    subscription_id: str | None
    customer_id: str | None
    asked_at: datetime


class StripeEvent:
    """Step 1: an event of the inbox. Not a dataclass, because every later record contains it (CancellationCase)."""

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
    """Step 2: the subscription's current state in Stripe, and what was announced before.

    `announced_until`: the end date that customer and company were notified of; None if they were notified of none.
    `end_is_announced`: its end has been handled, including email and event. `unrecorded`: the kind of a change that
    Stripe shows and that is not recorded here.
    """

    event: StripeEvent
    user_id: str
    plan: str
    billed: BillingSubscription
    announced_until: datetime | None
    end_is_announced: bool
    unrecorded: ChangeKind | None


@dataclass(frozen=True)
class Happened:
    """Step 3: what happened to the subscription."""

    seen: Seen
    outcome: EventOutcome


@dataclass(frozen=True)
class Later:
    """A reason to postpone the event by some seconds."""

    why: str
    seconds: float


@dataclass(frozen=True)
class Ended:
    """Step 8: a row of `subscription_ends`. `data_kept_until` is None if no data retention was promised."""

    id: UUID
    user_id: str
    subscription_id: str
    plan: str
    kind: str
    ended_at: datetime
    data_kept_until: datetime | None
    reason_is_known: bool
