"""What one node hands to the next: ids, dates and decisions; nothing personal, for Prefect sees them pass.

Each node takes what the node before it returned, and Prefect draws the run's graph by following these objects.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from nodes.clients.billing_objects import BillingSubscription
from nodes.requests.records import Request
from nodes.rules.offers import RetentionOffer
from nodes.rules.progress import RecoveryPoint
from nodes.subscriptions.records import ActiveSubscription


@dataclass(frozen=True)
class CancellationRequest(Request):
    """Step 1: a row of `cancellation_requests`, without its free text."""

    accept_offer: bool
    reason: str | None
    released_schedule: str | None
    cancel_at: datetime | None
    waited: timedelta  # since received_at, by the database's clock
    approved: bool  # by an operator
    renewal_undone: bool
    invoices_voided: bool

    def reached(self, point: RecoveryPoint) -> bool:
        """Return whether an earlier run came as far as this point."""
        return RecoveryPoint.of(self.recovery_point) >= point

    @property
    def begun(self) -> bool:
        """Return whether an earlier run may have changed something: what it finds changed is then its own doing."""
        return self.reached(RecoveryPoint.OFFER_RESERVED)


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
