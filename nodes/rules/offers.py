"""The retention offer that a subscription gets (SPEC, step 3; FEATURES W04 to W06, F06)."""

from dataclasses import dataclass, replace
from typing import Literal

from nodes.rules.ways_to_stay import DiscountTerms

# The company's choice for a subscription that already has a discount (OFFER_WHEN_DISCOUNTED).
WhenDiscounted = Literal["skip", "replace", "add"]
# What happens to the existing discount when the offer is accepted.
Fate = Literal["replaced", "kept"]
_FATES: dict[WhenDiscounted, Fate] = {"replace": "replaced", "add": "kept"}
_SAID: dict[Fate, str] = {
    "replaced": ", in place of your current discount",
    "kept": ", on top of your current discount",
}


# What an offer may include besides its discount, for the same months, as customers read it.
ENTITLEMENTS = {"priority_support": "priority support"}


@dataclass(frozen=True)
class RetentionOffer:
    """A percentage off for some months, and for some plans an entitlement for the same time."""

    plan: str
    percent_off: int
    months: int
    entitlements: tuple[str, ...] = ()
    current_discount: Fate | None = None  # None: the subscription has no discount

    @property
    def coupon_id(self) -> str:
        """Stripe's coupon for this offer: the same for every customer, and a new one when the terms change."""
        return f"cancelflow-{self.plan}-{self.percent_off}pct-{self.months}m"

    @property
    def terms(self) -> DiscountTerms:
        """The same terms as those of any other discount."""
        return DiscountTerms(
            "repeating",
            percent_off=self.percent_off,
            months=self.months,
            coupon=self.coupon_id,
            entitlements=self.entitlements,
        )

    @property
    def discount(self) -> str:
        """The discount as step 6A returns it: `30% off`."""
        return f"{self.percent_off}% off"

    @property
    def duration(self) -> str:
        """The duration as step 6A returns it: `3 months`."""
        return f"{self.months} month{'' if self.months == 1 else 's'}"

    @property
    def description(self) -> str:
        """The offer as customers read it: `30% off for 3 months`, with entitlements and any current discount."""
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
    """Return the plan's offer, or None if its promise could not be kept.

    Args:
        terms: the plan's offer, if it has one.
        status: Stripe's status. A trial has no offer: nothing is charged, so the months would run out unused.
        billed_monthly: whether every item is. Stripe counts a coupon's months, not invoices: on a longer interval
            three months would discount either nothing or a whole year.
        has_schedule: whether a plan change is scheduled; its next phase would replace the discount.
        discounted: whether the subscription has a discount.
        when_discounted: what happens then; the offer's description tells the customer.
    """
    if terms is None or not billed_monthly or has_schedule or status == "trialing":
        return None
    if not discounted:
        return terms
    fate = current_fate(when_discounted)
    return replace(terms, current_discount=fate) if fate else None


def current_fate(when_discounted: WhenDiscounted) -> Fate | None:
    """Return what happens to a running discount when an offer is accepted; None if no offer is made then."""
    return _FATES.get(when_discounted)
