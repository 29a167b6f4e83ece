"""The coming invoices of a subscription, as Stripe previews them, with the discounts that run at their time."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from nodes.clients.billing.calls import together
from nodes.clients.billing.objects import BillingSubscription, Discount
from nodes.clients.billing.previews import Discounts, Previewed
from nodes.rules.eligibility import Interval
from nodes.rules.periods import period_starts
from nodes.services import services


@dataclass(frozen=True)
class Invoice:
    """A coming invoice. `place`: 0 is the next one."""

    at: datetime
    place: int


class Charges:
    """The coming invoices of one subscription, each previewed once.

    `today`: the time by the subscription's clock. `now`: the same, or when the customer saw the charges. `may_write`:
    whether a coupon that a preview needs may be made.
    """

    def __init__(
        self,
        billed: BillingSubscription,
        today: datetime,
        used_once: frozenset[str],
        now: datetime | None = None,
        *,
        may_write: bool = True,
    ) -> None:
        self.billed = billed
        self.today = today
        self.now = now or today
        self.may_write = may_write
        self._used_once = used_once
        self._asked: dict[Discounts | None, asyncio.Task[Previewed]] = {}

    def as_of(self, now: datetime) -> "Charges":
        """Return the same charges as of an earlier time, at which the customer saw them."""
        return Charges(self.billed, self.today, self._used_once, now)

    @property
    def interval(self) -> Interval:
        """Return the interval of its items."""
        [interval] = self.billed.intervals
        return interval

    def until(self, end: datetime | None, at_most: int | None = None) -> list[Invoice]:
        """Return the invoices after now and before `end`, or `at_most` of them; one of the two is given."""
        found: list[Invoice] = []
        for start in period_starts(self.billed.anchor or self.billed.current_period_end, self.interval, self.now):
            if len(found) == at_most or (end is not None and start >= end):
                return found
            found.append(Invoice(start, len(found)))
        return found

    def first_from(self, start: datetime) -> Invoice:
        """Return the first invoice at or after a time."""
        place = len(self.until(start))
        return self.until(None, at_most=place + 1)[place]

    async def of(self, invoice: Invoice, *, coupon: str | None = None, replacing: bool = False) -> Previewed:
        """Return the invoice, with another coupon `replacing` the discounts or in addition to them."""
        discounts = self._discounts(() if replacing else self.kept(invoice), coupon)
        if discounts not in self._asked:
            self._asked[discounts] = asyncio.ensure_future(services().billing.previews.next(self.billed.id, discounts))
        found = await self._asked[discounts]
        return found.later if invoice.place else found

    async def at_price(self, invoice: Invoice, item_id: str, price_id: str) -> Previewed:
        """Return the invoice at another price, without prorations."""
        discounts = self._discounts(self.kept(invoice), None)
        found = await services().billing.previews.with_price(
            self.billed.id, item_id, price_id, proration="none", as_of=self.now, discounts=discounts
        )
        return found.later if invoice.place else found

    def _discounts(self, kept: tuple[str, ...], coupon: str | None) -> Discounts | None:
        """Return the discounts to preview with; None for those that the subscription has."""
        changed = coupon is not None or kept != self._ids(self.billed.discounts_in_force)
        return Discounts(kept, coupon) if changed else None

    def kept(self, invoice: Invoice) -> tuple[str, ...]:
        """Return the ids of the discounts that still run at the invoice."""
        return self._ids(
            tuple(
                each
                for each in self.billed.discounts_in_force
                if each.runs(invoice.at) and not (invoice.place and each.id in self._used_once)
            )
        )

    @staticmethod
    def _ids(discounts: tuple[Discount, ...]) -> tuple[str, ...]:
        return tuple(each.id for each in discounts)


async def charges_of(billed: BillingSubscription, *, may_write: bool = True) -> Charges:
    """Return the coming invoices of a subscription. Raises `BillingFailed`."""
    billing = services().billing
    # A discount without an end lasts forever, or for one invoice: only its coupon says which.
    endless = [each for each in billed.discounts_in_force if each.ends_at is None and each.coupon_id]
    durations = await together(*(billing.coupons.duration(str(each.coupon_id)) for each in endless))
    used_once = frozenset(each.id for each, found in zip(endless, durations, strict=True) if found == "once")
    return Charges(billed, await billing.changes.time_of(billed), used_once, may_write=may_write)
