"""A company's plans from the catalogue file: their Stripe prices, their offers and their rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from nodes.rules.cancellation_policy import DEFAULT, CancellationPolicy
from nodes.rules.offers import RetentionOffer
from nodes.rules.texts import Texts, text_in
from nodes.rules.ways_to_stay import DiscountTerms, Offer, PlanChangeTerms

PastDuePolicy = Literal["end_and_void", "end_and_keep_invoice", "keep_period"]

# The plan of a subscription whose prices are in no plan of the catalogue, unless its row has another name.
UNKNOWN = "unknown"
# The id of WF-023's offer among the others.
RETENTION_OFFER = "retention-offer"


@dataclass(frozen=True)
class Price:
    """A Stripe price, by the three identifiers that a plan may list."""

    id: str
    product_id: str | None = None
    lookup_key: str | None = None


@dataclass(frozen=True)
class Plan:
    """A plan. `offer`: of WF-023; `offers`: the further ones, in order.

    `refused_text`: the response to a cancellation during a fixed term; None if cancelling is allowed.
    """

    key: str
    names: Texts = field(default_factory=dict)
    offer: RetentionOffer | None = None
    offers: tuple[Offer, ...] = ()
    cooldown_months: int = 6
    screens_per_period: int = 2
    past_due: PastDuePolicy | None = None
    cancellation: CancellationPolicy = DEFAULT
    refused_text: Texts | None = None
    manual_only: bool = False

    @property
    def coupons(self) -> dict[str, DiscountTerms]:
        """The discounts of the further offers, by their coupon."""
        terms = (each.terms for each in self.offers)
        return {each.coupon_id: each for each in terms if isinstance(each, DiscountTerms)}

    @property
    def all_offers(self) -> tuple[Offer, ...]:
        """WF-023's offer, which `accept_offer` accepts too, and the further ones."""
        own = (Offer(RETENTION_OFFER, self.offer.terms),) if self.offer else ()
        return (*own, *self.offers)

    def name(self, locale: str | None = None) -> str:
        """Return the name that customers read; for a plan that isn't in the catalogue, its key or "current"."""
        return text_in(self.names, locale) if self.names else ("current" if self.key == UNKNOWN else self.key)


@dataclass(frozen=True)
class Manual:
    """The subscriptions that only a person changes in Stripe (FEATURES U10): one match is enough.

    `prices`: ids or lookup keys. `metadata`: of the subscription.
    """

    plans: frozenset[str] = frozenset()
    prices: frozenset[str] = frozenset()
    collection_methods: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def covers(
        self, plan: str, prices: Iterable[Price], collection_method: str, metadata: Mapping[str, str | None]
    ) -> bool:
        """Return whether a subscription with these properties is one of them."""
        names = {name for price in prices for name in (price.id, price.lookup_key)}
        return (
            plan in self.plans
            or not self.prices.isdisjoint(names)
            or collection_method in self.collection_methods
            or any(metadata.get(key) == value for key, value in self.metadata.items())
        )


@dataclass(frozen=True)
class Catalog:
    """All plans by key, and their keys by Stripe's price identifiers."""

    plans: Mapping[str, Plan]
    by_price: Mapping[str, str]
    by_lookup_key: Mapping[str, str]
    by_product: Mapping[str, str]
    manual: Manual = field(default_factory=Manual)

    def plan(self, key: str) -> Plan:
        """Return the plan; a plan that isn't in the catalogue has no offer and no rules."""
        return self.plans.get(key) or Plan(key)

    @property
    def offered_prices(self) -> set[str]:
        """The ids and lookup keys of the prices that offers lead to."""
        terms = (offer.terms for plan in self.plans.values() for offer in plan.offers)
        return {price for each in terms if isinstance(each, PlanChangeTerms) for price in each.prices}

    def kind_of_offer(self, offer_id: str) -> str | None:
        """Return the kind of the offers with this id, which is the same in all plans; None if there is none."""
        return next((o.kind for p in self.plans.values() for o in p.all_offers if o.id == offer_id), None)

    def plan_of(self, prices: Iterable[Price]) -> str | None:
        """Return the plan of the first known price, by its id, else its lookup key, else its product."""
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
        """Return the plan's offer that one of these coupons belongs to."""
        wanted = set(coupon_ids)
        return next((p.offer for p in self.plans.values() if p.offer and p.offer.coupon_id in wanted), None)
