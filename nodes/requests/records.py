"""The row and the response that every kind of request has."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from nodes.rules.carriers import Carrier


@dataclass(frozen=True)
class Request:
    """Step 1: the columns that both kinds of request have; nothing personal, because Prefect sees it."""

    id: UUID
    user_id: str
    asked_subscription: str | None
    subscription_id: str | None
    recovery_point: str
    received_at: datetime
    outcome: str | None
    response: dict[str, Any] | None
    billing_try: int
    reported_failed: bool
    by_hand: bool  # left to a person, who does it in Stripe
    superseded: bool  # another request did it, after this one was reported as failed (sql/migrations/0007)

    def billing_key(self, step: str) -> str:
        """Return the idempotency key of a write to Stripe: the same until Stripe responds, a new one after a failure.

        Stripe replays a failure when its key is reused (https://docs.stripe.com/api/idempotent_requests).
        """
        return f"{self.id}:{step}:{self.billing_try}"


@dataclass(frozen=True)
class ActionRequest(Request):
    """A request whose action in Stripe the company may carry out itself."""

    carried_out_by: Carrier


class Response:
    """The response to the caller.

    Not a dataclass, like a case: Prefect looks into those, and would draw edges between nodes that share its values.
    """

    def __init__(self, outcome: str, http_status: int, body: dict[str, Any]) -> None:
        self.outcome = outcome
        self.http_status = http_status
        self.body = body
