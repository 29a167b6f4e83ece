"""The values passed between nodes: ids, dates and decisions; nothing of what was said."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from nodes.calls.records import Call


@dataclass(frozen=True)
class HeardCall(Call):
    """Step 1: a call with a result that was not routed yet. `claims_reversal`: that the cancellation was taken back."""

    request_id: UUID
    received_at: datetime
    claims_reversal: bool


@dataclass(frozen=True)
class CheckedCall:
    """Step 2: the call, and whether Stripe shows the reversal; None if the result claims none."""

    heard: HeardCall
    reversed: bool | None
