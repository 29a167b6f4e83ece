"""The coming invoices of a subscription, as Stripe previews them, with the discounts that run at their time."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from nodes.clients.billing_calls import together
from nodes.clients.billing_objects import BillingSubscription, Discount
from nodes.clients.billing_previews import Discounts, Previewed
from nodes.rules.eligibility import Interval
from nodes.rules.periods import period_starts
from nodes.services import services


@dataclass(frozen=True)
class Invoice:
    """A coming invoice. `place`: 0 is the next one."""

    at: datetime
    place: int


class Charges:
    """The coming invoices of one subscription, each previewed once. `now`: the time by the subscription's clock."""

    def __init__(self, billed: BillingSubscription, now: datetime, used_once: frozenset[str]) -> None:
        self.billed = billed
        self.now = now
        self._used_once = used_once
        self._asked: dict[Discounts | None, asyncio.Task[Previewed]] = {}

    def as_of(self, now: datetime) -> "Charges":
        """Return the same charges as of an earlier time, at which the customer saw them."""
        return Charges(self.billed, now, self._used_once)

    @property
    def interval(self) -> Interval:
        """Return the interval of its items."""
        [interval] = self.billed.intervals
        return interval

    def until(self, end: datetime | None, at_most: int = 40) -> list[Invoice]:
        """Return the invoices after now and before `end`, or `at_most` of them."""
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
        kept = () if replacing else self.kept(invoice)
        changed = coupon is not None or kept != self._ids(self.billed.discounts_in_force)
        discounts = Discounts(kept, coupon) if changed else None
        if discounts not in self._asked:
            self._asked[discounts] = asyncio.ensure_future(services().billing.previews.next(self.billed.id, discounts))
        return await self._asked[discounts]

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


async def charges_of(billed: BillingSubscription) -> Charges:
    """Return the coming invoices of a subscription. Raises `BillingFailed`."""
    billing = services().billing
    # A discount without an end lasts forever, or for one invoice: only its coupon says which.
    endless = [each for each in billed.discounts_in_force if each.ends_at is None and each.coupon_id]
    durations = await together(*(billing.coupons.duration(str(each.coupon_id)) for each in endless))
    used_once = frozenset(each.id for each, found in zip(endless, durations, strict=True) if found == "once")
    return Charges(billed, await billing.changes.time_of(billed), used_once)
