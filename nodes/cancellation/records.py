"""What one node hands to the next: ids, dates and decisions; nothing personal, for Prefect sees them pass.

Each node takes what the node before it returned, and Prefect draws the run's graph by following these objects.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from nodes.clients.billing_objects import BillingSubscription
from nodes.rules.offers import RetentionOffer
from nodes.rules.progress import RecoveryPoint


@dataclass(frozen=True)
class CancellationRequest:
    """Step 1: a row of `cancellation_requests`, without its free text."""

    id: UUID
    user_id: str
    asked_subscription: str | None
    accept_offer: bool
    reason: str | None
    subscription_id: str | None
    recovery_point: str
    released_schedule: str | None
    cancel_at: datetime | None
    received_at: datetime
    waited: timedelta  # since received_at, by the database's clock
    approved: bool  # by an operator
    outcome: str | None
    answer: dict[str, Any] | None
    billing_try: int
    told_failed: bool
    renewal_undone: bool
    invoices_voided: bool

    def billing_key(self, step: str) -> str:
        """The idempotency key of a write to Stripe: the same while its answer is unknown, another after a failure.

        Stripe replays a failure to whoever repeats its key (https://docs.stripe.com/api/idempotent_requests).
        """
        return f"{self.id}:{step}:{self.billing_try}"

    def reached(self, point: RecoveryPoint) -> bool:
        """Whether an earlier run came as far as this point."""
        return RecoveryPoint.of(self.recovery_point) >= point

    @property
    def begun(self) -> bool:
        """Whether an earlier run may have changed something: what it finds changed is then its own doing."""
        return self.reached(RecoveryPoint.OFFER_RESERVED)


@dataclass(frozen=True)
class ActiveSubscription:
    """Our row, and what Stripe says of it now."""

    id: str
    user_id: str
    plan: str
    billed: BillingSubscription


class CancellationCase:
    """Step 2: whose request, about which subscription. Every later record carries it.

    `paid_until`: the end of the period that was running when the customer asked, by Stripe's clock. Not a dataclass:
    Prefect looks into those, and would draw an edge from here to every later node.
    """

    def __init__(self, request: CancellationRequest, subscription: ActiveSubscription, *, paid_until: datetime) -> None:
        self.request = request
        self.subscription = subscription
        self.paid_until = paid_until


@dataclass(frozen=True)
class OfferMade:
    """Step 3: the offer, or none."""

    case: CancellationCase
    terms: RetentionOffer | None


@dataclass(frozen=True)
class Decision:
    """Step 4: the offer that was accepted, or none for a cancellation."""

    case: CancellationCase
    accepted: RetentionOffer | None


@dataclass(frozen=True)
class AppliedDiscount:
    """Step 5A, as Stripe was read back."""

    case: CancellationCase
    billed: BillingSubscription
    terms: RetentionOffer
    stripe_discount_id: str


@dataclass(frozen=True)
class CapturedReason:
    """Step 5B."""

    case: CancellationCase
    category: str


@dataclass(frozen=True)
class ScheduledCancellation:
    """Step 6B, as Stripe was read back. `cancel_at` is the end: to come, or just now.

    `plan_change_dropped`: a schedule (WF-021) had to be released for it. `renewal_undone`: it had renewed before we
    could cancel, and that charge is taken back. `invoices_voided`: nothing was paid on them, and nobody asks for it.
    """

    case: CancellationCase
    category: str
    billed: BillingSubscription
    cancel_at: datetime
    plan_change_dropped: bool
    renewal_undone: bool
    invoices_voided: bool


@dataclass(frozen=True)
class PendingCancellation:
    """Step 7B, as the row was read back: what the customer is about to be told."""

    case: CancellationCase
    category: str
    status: str
    cancel_at: datetime
    data_retention_until: datetime
    plan_change_dropped: bool
    renewal_undone: bool
    invoices_voided: bool


@dataclass(frozen=True)
class Delivered:
    """Steps 8B, 9B and 10B: this effect is there."""

    what: str


class Answer:
    """Steps 6A and 11B: what the caller is told.

    Not a dataclass, as the case is none: its words are those of the records before it, and Prefect goes by them.
    """

    def __init__(self, outcome: str, http_status: int, body: dict[str, Any]) -> None:
        self.outcome = outcome
        self.http_status = http_status
        self.body = body
