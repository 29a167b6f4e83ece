"""What every kind of request has: its row, and what its caller is told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Request:
    """Step 1: a row of a kind's table, as far as every kind has it; nothing personal, for Prefect sees it pass."""

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

    def billing_key(self, step: str) -> str:
        """Return the idempotency key of a write to Stripe: the same until Stripe has answered, another after a failure.

        Stripe replays a failure to a caller that repeats its key (https://docs.stripe.com/api/idempotent_requests).
        """
        return f"{self.id}:{step}:{self.billing_try}"


class Response:
    """What the caller is told.

    Not a dataclass, as a case is none: its words are those of the records before it, and Prefect goes by them.
    """

    def __init__(self, outcome: str, http_status: int, body: dict[str, Any]) -> None:
        self.outcome = outcome
        self.http_status = http_status
        self.body = body
