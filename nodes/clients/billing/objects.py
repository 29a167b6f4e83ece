"""Stripe objects as plain values: times in UTC, amounts in minor units of their currency."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import stripe

from nodes.rules.catalog import Price
from nodes.rules.eligibility import Interval
from nodes.rules.statuses import is_pending


@dataclass(frozen=True)
class Discount:
    """A coupon attached to a subscription or to its customer."""

    id: str
    coupon_id: str | None
    ends_at: datetime | None = None  # None: until it is used up, or forever

    def runs(self, now: datetime | None) -> bool:
        """Return whether the discount still applies: Stripe may list one shortly after its end (FEATURES F07).

        `now`: the time by Stripe's clock; where it is None, every discount that Stripe lists counts.
        """
        return self.ends_at is None or now is None or self.ends_at > now


@dataclass(frozen=True)
class Item:
    """An item of a subscription: a price, and how often it is billed."""

    id: str
    price: Price
    interval: Interval | None  # None for a price that is not recurring
    quantity: int | None = None  # None for metered use
    amount: int | None = None  # of one, in minor units; None in a list, and where the price has tiers


@dataclass(frozen=True)
class Pause:
    """A pause of payment collection. `resumes_at`: when Stripe ends it by itself, if it does."""

    behavior: str
    resumes_at: datetime | None


@dataclass(frozen=True)
class ScheduledPrice:
    """A price that a schedule changes the subscription to."""

    price: Price
    starts_at: datetime


@dataclass(frozen=True)
class BillingSubscription:
    """A subscription's state in Stripe. Times are UTC."""

    id: str
    status: str
    cancel_at_period_end: bool
    cancel_at: datetime | None
    ended_at: datetime | None
    current_period_start: datetime
    current_period_end: datetime  # the earliest item's, at which `cancel_at_period_end` takes effect
    last_period_start: datetime  # the latest item's, which has renewed last
    last_period_end: datetime  # the latest item's
    schedule_id: str | None
    discounts: tuple[Discount, ...]
    inherited_discount: Discount | None  # the customer's own, which a discount on the subscription overrides
    canceled_at: datetime | None = None  # when it was requested, which is before the end
    items: tuple[Item, ...] = ()
    currency: str = "usd"
    pause: Pause | None = None
    scheduled: ScheduledPrice | None = None  # None in a list, and where the schedule has no further phase
    trial_ends_at: datetime | None = None
    anchor: datetime | None = None  # from which Stripe counts its periods
    started_at: datetime | None = None  # None in a list
    metadata: Mapping[str, str] = field(default_factory=dict)
    feedback: str | None = None  # one of Stripe's codes; the free text is `cancellation_comment`
    end_reason: str | None = None  # cancellation_requested, payment_failed, payment_disputed, or a future value
    stripe_request_id: str | None = None  # req_… of the call that returned this
    sends_invoices: bool = False  # which the customer pays by the due date, instead of an automatic charge
    announced: bool = False  # cancelflow has notified customer and company of the cancellation
    read_at: datetime | None = None  # by Stripe's clock; None in a list and on a test clock, which has its own time
    test_clock: str | None = None

    @property
    def fixed_term(self) -> bool:
        """Return whether it has a fixed end after its current period that no customer asked for.

        Contracts and instalment plans end this way; Stripe uses `cancel_at` for them as for a cancellation.
        """
        later = self.cancel_at is not None and self.cancel_at > self.last_period_end
        return later and not self.cancel_at_period_end and not self.announced

    @property
    def prices(self) -> tuple[Price, ...]:
        """Return the price of each item, in order."""
        return tuple(item.price for item in self.items)

    @property
    def intervals(self) -> frozenset[Interval]:
        """Return the billing intervals of its items."""
        return frozenset(item.interval for item in self.items if item.interval)

    @property
    def billed_monthly(self) -> bool:
        """Return whether every item is billed each month."""
        return self.intervals == {("month", 1)}

    @property
    def pending(self) -> bool:
        """Return whether a cancellation is scheduled, by either field (SPEC, Decided 7); a fixed term doesn't count."""
        has_end = is_pending(cancel_at_period_end=self.cancel_at_period_end, cancel_at=self.cancel_at)
        return has_end and not self.fixed_term

    def discount_of(self, coupon_id: str) -> Discount | None:
        """Return the discount from this coupon, or None."""
        return next((d for d in self.discounts if d.coupon_id == coupon_id), None)

    @property
    def discounts_in_force(self) -> tuple[Discount, ...]:
        """The subscription's own discounts or, where it has none, the customer's."""
        return self.discounts or ((self.inherited_discount,) if self.inherited_discount else ())


@dataclass(frozen=True)
class Page:
    """A page of subscriptions; the next page starts after `next`, which is None on the last page."""

    subscriptions: tuple[BillingSubscription, ...]
    next: str | None


def read_subscription(found: stripe.Subscription) -> BillingSubscription:
    """Return the SDK's subscription as a `BillingSubscription`."""
    items = found.items.data
    inherited = getattr(found.customer, "discount", None)
    return BillingSubscription(
        id=found.id,
        status=found.status,
        cancel_at_period_end=found.cancel_at_period_end,
        cancel_at=_moment(found.cancel_at),
        ended_at=_moment(found.ended_at),
        current_period_start=datetime.fromtimestamp(min(i.current_period_start for i in items), UTC),
        current_period_end=datetime.fromtimestamp(min(i.current_period_end for i in items), UTC),
        last_period_start=datetime.fromtimestamp(max(i.current_period_start for i in items), UTC),
        last_period_end=datetime.fromtimestamp(max(i.current_period_end for i in items), UTC),
        schedule_id=_id(found.schedule),
        discounts=tuple(map(_discount, found.discounts)),
        inherited_discount=_discount(inherited) if inherited else None,
        canceled_at=_moment(found.canceled_at),
        items=tuple(map(_item, items)),
        currency=found.currency,
        pause=_pause(found.pause_collection),
        scheduled=_scheduled(found.schedule),
        trial_ends_at=_moment(found.trial_end),
        anchor=_moment(found.billing_cycle_anchor),
        started_at=_moment(getattr(found, "start_date", None)),
        metadata=found.metadata.to_dict(),
        feedback=_feedback(found.cancellation_details) if found.cancellation_details else None,
        end_reason=found.cancellation_details.reason if found.cancellation_details else None,
        stripe_request_id=found.last_response.request_id if found.last_response else None,
        sends_invoices=found.collection_method == "send_invoice",
        read_at=_read_at(found),
        test_clock=_id(found.test_clock),
    )


def _feedback(details: stripe.Subscription.CancellationDetails) -> str | None:
    """Return Stripe's code, which is `other` where the portal's customer chose one of the account's own options."""
    return details.feedback or ("other" if details.feedback_option else None)


def _item(found: stripe.SubscriptionItem) -> Item:
    price = found.price
    interval = (price.recurring.interval, price.recurring.interval_count) if price.recurring else None
    return Item(
        found.id,
        Price(price.id, _id(price.product), price.lookup_key),
        interval,
        getattr(found, "quantity", None),
        getattr(price, "unit_amount", None),
    )


def _scheduled(found: "str | stripe.SubscriptionSchedule | None") -> ScheduledPrice | None:
    if found is None or isinstance(found, str) or len(found.phases) < 2:
        return None
    last = found.phases[-1]
    price = last["items"][0].price
    price_id = price if isinstance(price, str) else price.id
    return ScheduledPrice(Price(price_id), datetime.fromtimestamp(last.start_date, UTC))


def _pause(found: stripe.Subscription.PauseCollection | None) -> Pause | None:
    return Pause(found.behavior, _moment(found.resumes_at)) if found else None


def _read_at(found: stripe.Subscription) -> datetime | None:
    if found.last_response is None or found.test_clock:
        return None
    date = (found.last_response.headers or {}).get("date")
    return parsedate_to_datetime(date) if date else None


def _moment(timestamp: int | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)


def _id(expandable: object) -> str | None:
    return expandable if isinstance(expandable, str) else getattr(expandable, "id", None)


def _discount(found: "str | stripe.Discount") -> Discount:
    if isinstance(found, str):  # a list has only ids
        return Discount(found, None)
    return Discount(found.id, _id(found.source.coupon), _moment(found.end))
