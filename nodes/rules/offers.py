"""Which retention offer a subscription gets (SPEC, step 3; FEATURES W04 to W06)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RetentionOffer:
    """A percentage off for some months, and for some plans priority support for as long."""

    plan: str
    percent_off: int
    months: int
    priority_support: bool = False

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
        return f"{self.months} months"

    @property
    def description(self) -> str:
        """As the offer says it: `30% off for 3 months`; what comes with it is named, not hidden."""
        extra = " and priority support" if self.priority_support else ""
        return f"{self.discount} for {self.duration}{extra}"


OFFERS = {
    offer.plan: offer
    for offer in (
        RetentionOffer("starter", percent_off=20, months=3),
        RetentionOffer("professional", percent_off=30, months=3),
        RetentionOffer("enterprise", percent_off=40, months=6, priority_support=True),
    )
}


def offer_for(plan: str, *, status: str, billed_monthly: bool, has_schedule: bool) -> RetentionOffer | None:
    """The plan's offer, or none where we could not keep its word.

    Args:
        plan: our plan's name; one that we do not know has no offer.
        status: Stripe's status. A trial has no price to take something off yet, so the months would run out unused.
        billed_monthly: every item is. Stripe counts a coupon's months, not invoices: on a longer interval three
            months would give either nothing or a whole year.
        has_schedule: a plan change is scheduled, and its next phase would replace the discount.
    """
    if not billed_monthly or has_schedule or status == "trialing":
        return None
    return OFFERS.get(plan)
