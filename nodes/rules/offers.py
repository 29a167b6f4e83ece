"""Which retention offer a subscription gets (SPEC, step 3; FEATURES W04 to W06, F06)."""

from dataclasses import dataclass, replace
from typing import Literal

# What an offer does where a discount runs, as a company chooses (OFFER_WHEN_DISCOUNTED), …
WhenDiscounted = Literal["skip", "replace", "add"]
# … and what so becomes of that discount.
Fate = Literal["replaced", "kept"]
_FATES: dict[WhenDiscounted, Fate] = {"replace": "replaced", "add": "kept"}
_SAID: dict[Fate, str] = {
    "replaced": ", in place of your current discount",
    "kept": ", on top of your current discount",
}


# What an offer may give besides its discount, for as long, as customers read it.
ENTITLEMENTS = {"priority_support": "priority support"}


@dataclass(frozen=True)
class RetentionOffer:
    """A percentage off for some months, and for some plans an entitlement for as long."""

    plan: str
    percent_off: int
    months: int
    entitlements: tuple[str, ...] = ()
    current_discount: Fate | None = None  # none runs

    @property
    def coupon_id(self) -> str:
        """Stripe's coupon for this offer: the same for every customer, another when the terms change."""
        return f"cancelflow-{self.plan}-{self.percent_off}pct-{self.months}m"

    @property
    def discount(self) -> str:
        """As step 6A says it: `30% off`."""
        return f"{self.percent_off}% off"

    @property
    def duration(self) -> str:
        """As step 6A says it: `3 months`."""
        return f"{self.months} month{'' if self.months == 1 else 's'}"

    @property
    def description(self) -> str:
        """As the offer says it: `30% off for 3 months`; what comes with it is named, not hidden."""
        extra = "".join(f" and {ENTITLEMENTS[each]}" for each in self.entitlements)
        fate = _SAID[self.current_discount] if self.current_discount else ""
        return f"{self.discount} for {self.duration}{extra}{fate}"


def offer_for(
    terms: RetentionOffer | None,
    *,
    status: str,
    billed_monthly: bool,
    has_schedule: bool,
    discounted: bool = False,
    when_discounted: WhenDiscounted = "skip",
) -> RetentionOffer | None:
    """Return the plan's offer, or None where we could not keep its promise.

    Args:
        terms: the plan's offer, if it has one.
        status: Stripe's status. A trial has no price to take something off yet, so the months would run out unused.
        billed_monthly: every item is. Stripe counts a coupon's months, not invoices: on a longer interval three
            months would give either nothing or a whole year.
        has_schedule: a plan change is scheduled, and its next phase would replace the discount.
        discounted: a discount runs.
        when_discounted: what then; the offer says it to the customer.
    """
    if terms is None or not billed_monthly or has_schedule or status == "trialing":
        return None
    if not discounted:
        return terms
    fate = _FATES.get(when_discounted)
    return replace(terms, current_discount=fate) if fate else None
