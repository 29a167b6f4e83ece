"""What a cancellation does under the plan's policy, decided once and kept with the request."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from nodes.invoices.refunds import Refund


@dataclass(frozen=True)
class Terms:
    """`by_policy`: the plan has a policy of its own, so the response reports access and refund.

    `access_ended_at`: if access ends before the subscription does.
    """

    ends_now: bool
    by_policy: bool = False
    access_ended_at: datetime | None = None
    refund: Refund | None = None

    def access_until(self, cancel_at: datetime) -> datetime:
        """Return when the customer's access ends."""
        return self.access_ended_at or cancel_at

    def with_refund(self, refund: Refund) -> "Terms":
        """Return the same terms with the ids of the credit notes that were made."""
        return replace(self, refund=refund)

    def as_json(self) -> dict[str, Any]:
        """Return the terms for a column."""
        found: dict[str, Any] = _TERMS.dump_python(self, mode="json")
        return found


def terms_in(column: dict[str, Any] | None) -> Terms | None:
    """Return the terms that a column holds, if any."""
    return _TERMS.validate_python(column) if column is not None else None


_TERMS = TypeAdapter(Terms)
