"""What accepting an offer does in Stripe, and what it costs: shown first, then kept with the customer's request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter

from nodes.rules.ways_to_stay import Collection


@dataclass(frozen=True)
class Preview:
    """What the customer is charged, from Stripe's previews. Amounts in minor units of `currency`.

    `charged_now`: negative for a credit. `next_charge_at`: when `next_charge` is due. `price_again`: what is charged
    from `price_again_at` on, once the offer is over. `saved`: until `saved_until`; both None where it can't be said.
    """

    currency: str
    charged_now: int
    next_charge: int
    next_charge_at: datetime
    price_again: int | None = None
    price_again_at: datetime | None = None
    saved: int | None = None
    saved_until: datetime | None = None


@dataclass(frozen=True)
class Agreed:
    """A change, decided once. `at`: the time by the subscription's clock from which everything else was computed.

    Of the other fields, each kind of change has its own.
    """

    at: datetime
    preview: Preview | None = None  # None for a link
    coupon_id: str | None = None
    percent_off: float | None = None
    months: int | None = None
    entitlements: tuple[str, ...] = ()
    current_discount: Literal["replaced", "kept"] | None = None
    discount_ends_at: datetime | None = None
    behavior: Collection | None = None
    resumes_at: datetime | None = None
    price_id: str | None = None
    new_plan: str | None = None
    when: Literal["now", "period_end"] = "now"
    prorate: bool = False
    starts_at: datetime | None = None
    trial_ends_at: datetime | None = None
    url: str | None = None
    single_use: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the fields that are set, for a column."""
        found: dict[str, Any] = _AGREED.dump_python(self, mode="json", exclude_defaults=True)
        return found


def agreed_in(column: dict[str, Any] | None) -> Agreed | None:
    """Return the change that a column holds, if any."""
    return _AGREED.validate_python(column) if column is not None else None


_AGREED = TypeAdapter(Agreed)
