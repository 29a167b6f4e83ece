"""What one node hands to the next: ids and dates; nothing personal."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class OpenQuestion:
    """Step 1: a cancellation that came from elsewhere, stands, and has no reason."""

    request_id: UUID
    user_id: str
    subscription_id: str
    plan: str
    data_kept_until: datetime
