"""A company's plans: which Stripe prices they are, what they offer, and their rules. The catalogue file holds them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from nodes.rules.offers import RetentionOffer

PastDuePolicy = Literal["end_and_void", "end_and_keep_invoice", "keep_period"]
# By language, or under the empty key where a text is the same in all of them.
Texts = Mapping[str, str]

# The plan of a subscription whose prices are in no plan of the catalogue, where nobody has given it another name.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Price:
    """What a subscription's item costs, by the three names that Stripe has for it."""

    id: str
    product_id: str | None = None
    lookup_key: str | None = None


@dataclass(frozen=True)
class Plan:
    """One plan. `refused_text`: what a customer with a fixed term is told; None where they may leave before its end."""

    key: str
    names: Texts = field(default_factory=dict)
    offer: RetentionOffer | None = None
    cooldown_months: int = 6
    screens_per_period: int = 2
    past_due: PastDuePolicy | None = None
    refused_text: Texts | None = None
    manual_only: bool = False

    def name(self, locale: str | None = None) -> str:
        """Return what customers read; for a plan that isn't in the catalogue, its key or a word that always fits."""
        return text_in(self.names, locale) if self.names else ("current" if self.key == UNKNOWN else self.key)


@dataclass(frozen=True)
class Catalog:
    """Every plan by its key, and by Stripe's names of its prices."""

    plans: Mapping[str, Plan]
    by_price: Mapping[str, str]
    by_lookup_key: Mapping[str, str]
    by_product: Mapping[str, str]

    def plan(self, key: str) -> Plan:
        """Return the plan; one that the catalogue lacks has no offer and no rules of its own."""
        return self.plans.get(key) or Plan(key)

    def plan_of(self, prices: Iterable[Price]) -> str | None:
        """Return the key of the first price's plan that is known, by its id, else its lookup key, else its product."""
        for price in prices:
            found = (
                self.by_price.get(price.id)
                or self.by_lookup_key.get(price.lookup_key or "")
                or self.by_product.get(price.product_id or "")
            )
            if found:
                return found
        return None

    def offer_with(self, coupon_ids: Iterable[str | None]) -> RetentionOffer | None:
        """Return the offer of any plan that one of these coupons belongs to."""
        wanted = set(coupon_ids)
        return next((p.offer for p in self.plans.values() if p.offer and p.offer.coupon_id in wanted), None)


def text_in(texts: Texts, locale: str | None) -> str:
    """Return the text in the locale, else in its language, else in English, else in the first language given."""
    wanted = (locale or "").replace("-", "_")
    by_tag = {tag.replace("-", "_"): text for tag, text in texts.items()}
    for tag in ("", wanted, wanted.partition("_")[0], "en"):
        if tag in by_tag:
            return by_tag[tag]
    return next(iter(texts.values()))
