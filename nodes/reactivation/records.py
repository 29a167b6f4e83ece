"""The values passed between nodes: ids, dates and decisions; nothing personal."""

from dataclasses import dataclass
from datetime import datetime

from nodes.clients.billing.objects import BillingSubscription
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
        """Return whether an earlier run reached this point."""
        return POINTS.index(self.recovery_point) >= POINTS.index(point)


class ReactivationCase:
    """Step 2: the request and its subscription. `active_already`: there is no cancellation to revoke.

    Not a dataclass: Prefect looks into those, and would draw an edge from here to every later node.
    """

    def __init__(self, request: ReactivationRequest, subscription: ActiveSubscription, *, active_already: bool) -> None:
        self.request = request
        self.subscription = subscription
        self.active_already = active_already


@dataclass(frozen=True)
class Cleared:
    """Step 3: the subscription without an end, as read back from Stripe."""

    case: ReactivationCase
    billed: BillingSubscription


@dataclass(frozen=True)
class Active:
    """Step 4: the subscription as in our row, which the response and the email report."""

    case: ReactivationCase
    status: str
    renews_at: datetime
