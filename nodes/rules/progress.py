"""The recovery points of `cancellation_requests`, in order."""

from enum import IntEnum


class RecoveryPoint(IntEnum):
    """The step that a request has reached, recorded together with that step's work; lower-case in the column."""

    RECEIVED = 0
    OFFER_RESERVED = 1
    DISCOUNT_APPLIED = 2
    REASON_CAPTURED = 3
    CANCELLATION_SCHEDULED = 4
    MARKED_PENDING = 5
    FINISHED = 6

    @classmethod
    def of(cls, column: str) -> "RecoveryPoint":
        """Return the point that the column names."""
        return cls[column.upper()]
