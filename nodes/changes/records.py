"""The values passed between nodes: ids, dates, amounts and decisions; nothing personal."""

from dataclasses import dataclass
from typing import Any

from nodes.clients.billing.objects import BillingSubscription
from nodes.offers.agreed import Agreed
from nodes.requests.records import ActionRequest
from nodes.rules.ways_to_stay import ChangeKind
from nodes.subscriptions.records import ActiveSubscription

POINTS = ("received", "agreed", "applied", "recorded", "finished")


@dataclass(frozen=True)
class ChangeRequest(ActionRequest):
    """Step 1: a row of `change_requests`. `agreed`: see nodes/offers/agreed.py; None until step 3 has decided it."""

    kind: ChangeKind
    origin: str  # api, link or stripe
    offer_id: str | None
    choice: dict[str, Any]
    agreed: dict[str, Any] | None
    stripe_request_id: str | None

    def reached(self, point: str) -> bool:
        """Return whether an earlier run reached this point."""
        return POINTS.index(self.recovery_point) >= POINTS.index(point)


class ChangeCase:
    """Step 2: the request and its subscription.

    Not a dataclass: Prefect looks into those, and would draw an edge from here to every later node.
    """

    def __init__(self, request: ChangeRequest, subscription: ActiveSubscription) -> None:
        self.request = request
        self.subscription = subscription


class Accepted:
    """Step 3: what is to be done. Not a dataclass, like `ChangeCase`."""

    def __init__(self, case: ChangeCase, agreed: Agreed) -> None:
        self.case = case
        self.agreed = agreed


@dataclass(frozen=True)
class Applied:
    """Step 4: the subscription after the change, as read back from Stripe."""

    accepted: Accepted
    billed: BillingSubscription


@dataclass(frozen=True)
class Changed:
    """Step 5: the change as in our row, which the response, the email and the event report."""

    accepted: Accepted
    status: str
