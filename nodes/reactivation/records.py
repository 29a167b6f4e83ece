"""What one node of the way back hands to the next: ids, dates and decisions; nothing personal."""

from dataclasses import dataclass
from datetime import datetime

from nodes.clients.billing_objects import BillingSubscription
from nodes.requests.records import Request
from nodes.subscriptions.records import ActiveSubscription

POINTS = ("received", "cleared", "marked_active", "finished")


@dataclass(frozen=True)
class ReactivationRequest(Request):
    """Step 1: a row of `reactivation_requests`."""

    origin: str  # api, link or stripe
    renews_at: datetime | None
    stripe_request_id: str | None

    def reached(self, point: str) -> bool:
        """Return whether an earlier run came as far as this point."""
        return POINTS.index(self.recovery_point) >= POINTS.index(point)


class ReactivationCase:
    """Step 2: whose request, about which subscription. `active_already`: there is nothing to take back.

    Not a dataclass: Prefect looks into those, and would draw an edge from here to every later node.
    """

    def __init__(self, request: ReactivationRequest, subscription: ActiveSubscription, *, active_already: bool) -> None:
        self.request = request
        self.subscription = subscription
        self.active_already = active_already


@dataclass(frozen=True)
class Cleared:
    """Step 3, as Stripe was read back: it has no end any more."""

    case: ReactivationCase
    billed: BillingSubscription


@dataclass(frozen=True)
class Active:
    """Step 4, as the row was read back: what the customer is about to be told."""

    case: ReactivationCase
    status: str
    renews_at: datetime
