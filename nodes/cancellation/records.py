"""The values passed between nodes: ids, dates and decisions; nothing personal, because Prefect sees them.

Each node takes the previous node's result, and Prefect draws the run's graph by following these objects.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nodes.cancellation.terms import Terms
from nodes.clients.billing.objects import BillingSubscription
from nodes.requests.records import ActionRequest
from nodes.rules.offers import RetentionOffer
from nodes.rules.progress import RecoveryPoint
from nodes.subscriptions.records import ActiveSubscription


@dataclass(frozen=True)
class CancellationRequest(ActionRequest):
    """Step 1: a row of `cancellation_requests`, without its free text."""

    accept_offer: bool
    reason: str | None
    released_schedule: str | None
    cancel_at: datetime | None
    waited: timedelta  # since received_at, by the database's clock
    approved: bool  # by an operator
    renewal_undone: bool
    invoices_voided: bool
    as_of: datetime | None  # of the preview that the customer was shown
    terms: dict[str, Any] | None  # see terms.py; None until step 6B has decided them, and without a policy

    def reached(self, point: RecoveryPoint) -> bool:
        """Return whether an earlier run reached this point."""
        return RecoveryPoint.of(self.recovery_point) >= point

    @property
    def begun(self) -> bool:
        """True if an earlier run may have changed something, so that changes found now may be its own."""
        return self.reached(RecoveryPoint.OFFER_RESERVED)


class CancellationCase:
    """Step 2: the request and its subscription, contained in every later record.

    `paid_until`: the end of the period in which the customer asked, by Stripe's clock. Not a dataclass: Prefect looks
    into those, and would draw an edge from here to every later node.
    """

    def __init__(self, request: CancellationRequest, subscription: ActiveSubscription, *, paid_until: datetime) -> None:
        self.request = request
        self.subscription = subscription
        self.paid_until = paid_until


@dataclass(frozen=True)
class OfferMade:
    """Step 3: the offer, if there is one."""

    case: CancellationCase
    terms: RetentionOffer | None


@dataclass(frozen=True)
class Decision:
    """Step 4: the accepted offer, or None for a cancellation."""

    case: CancellationCase
    accepted: RetentionOffer | None


@dataclass(frozen=True)
class AppliedDiscount:
    """Step 5A: the discount, as read back from Stripe."""

    case: CancellationCase
    billed: BillingSubscription
    terms: RetentionOffer
    stripe_discount_id: str


@dataclass(frozen=True)
class CapturedReason:
    """Step 5B: the recorded reason."""

    case: CancellationCase
    category: str


@dataclass(frozen=True)
class ScheduledCancellation:
    """Step 6B: the cancellation, as read back from Stripe. `cancel_at` is the end, in the future or just now.

    `plan_change_dropped`: a schedule (WF-021) had to be released. `renewal_undone`: the subscription renewed before it
    could be cancelled, and that charge was reversed. `invoices_voided`: open invoices, with nothing paid, were voided.
    """

    case: CancellationCase
    category: str
    billed: BillingSubscription
    cancel_at: datetime
    plan_change_dropped: bool
    renewal_undone: bool
    invoices_voided: bool
    terms: Terms


@dataclass(frozen=True)
class PendingCancellation:
    """Step 7B: the cancellation as in our row, which the response and the email report."""

    case: CancellationCase
    category: str
    status: str
    cancel_at: datetime
    data_retention_until: datetime
    plan_change_dropped: bool
    renewal_undone: bool
    invoices_voided: bool
    terms: Terms
