"""The values passed between nodes: ids and dates; nothing personal."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class OpenQuestion:
    """Step 1: a cancellation that was made in Stripe, still stands, and has no reason."""

    request_id: UUID
    user_id: str
    subscription_id: str
    plan: str
    data_kept_until: datetime
