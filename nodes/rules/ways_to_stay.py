"""The offers of a plan besides WF-023's own: their kinds, terms and limits (FEATURES C26 to C31, F19, F20)."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from nodes.rules.texts import Texts, text_in

Unit = Literal["month", "week"]
Collection = Literal["mark_uncollectible", "void", "keep_as_draft"]
Kind = Literal["discount", "pause", "plan_change", "trial_extension", "contact", "redirect"]
# What accepting an offer changes; `resume` ends a pause early and is no offer.
ChangeKind = Literal["discount", "pause", "resume", "plan_change", "trial_extension", "contact", "redirect"]


@dataclass(frozen=True)
class DiscountTerms:
    """A percentage or an amount off. `amount_off` in minor units of `currency`; `months` only if `repeating`.

    `coupon`: the id of the coupon with these terms; otherwise one is derived. `single_use`: a coupon for one customer,
    redeemable once and within an hour (FEATURES F05). `entitlements`: granted for the same months.
    """

    duration: Literal["once", "repeating", "forever"]
    percent_off: float | None = None
    amount_off: int | None = None
    currency: str | None = None
    months: int | None = None
    coupon: str | None = None
    single_use: bool = False
    entitlements: tuple[str, ...] = ()
    kind: Literal["discount"] = "discount"

    @property
    def coupon_id(self) -> str:
        """Return the id of the coupon for these terms: the same for every customer, and new when the terms change."""
        if self.coupon:
            return self.coupon
        terms = repr((self.duration, self.percent_off, self.amount_off, self.currency, self.months))
        return f"cancelflow-{hashlib.sha256(terms.encode()).hexdigest()[:16]}"

    @property
    def name(self) -> str:
        """Return the coupon's name, shown on invoices; at most 40 characters."""
        if self.percent_off is not None:
            off = f"{self.percent_off:g}% off"
        else:
            off = f"{self.amount_off} {(self.currency or '').upper()} off"
        months = f"for {self.months} month{'' if self.months == 1 else 's'}"
        return f"{off} {months if self.duration == 'repeating' else self.duration}"


@dataclass(frozen=True)
class PauseTerms:
    """Billing stops for `least` to `most` units, chosen by the customer. `collection`: what becomes of its invoices."""

    unit: Unit
    least: int
    most: int
    collection: Collection = "void"
    cooldown_months: int = 6
    kind: Literal["pause"] = "pause"


@dataclass(frozen=True)
class PlanChangeTerms:
    """A change to one of these prices, by id or lookup key. `prorate`: only for a change now."""

    prices: tuple[str, ...]
    when: Literal["now", "period_end"] = "period_end"
    prorate: bool = False
    kind: Literal["plan_change"] = "plan_change"


@dataclass(frozen=True)
class TrialTerms:
    """A trial that ends some days later."""

    days: int
    kind: Literal["trial_extension"] = "trial_extension"


@dataclass(frozen=True)
class LinkTerms:
    """A page of the company's: a person to talk to, or something else that may help. `url`: see `link_for`."""

    kind: Literal["contact", "redirect"]
    url: str


def link_for(url: str, request_id: object = "") -> str:
    """Return the address with the acceptance's id in place of `{request_id}`; none has been accepted yet without one.

    The company's calendar hands the id back with a booking (FEATURES F25).
    """
    return url.replace("{request_id}", str(request_id))


Terms = DiscountTerms | PauseTerms | PlanChangeTerms | TrialTerms | LinkTerms


@dataclass(frozen=True)
class Offer:
    """An offer of a plan. `texts`: the company's own text for customers, by language."""

    id: str
    terms: Terms
    texts: Texts | None = None

    @property
    def kind(self) -> Kind:
        """Return the kind of its terms."""
        return self.terms.kind

    def text(self, locale: str | None) -> str | None:
        """Return the company's text in the customer's language, if there is one."""
        return text_in(self.texts, locale) if self.texts else None
