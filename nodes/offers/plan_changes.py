"""A change to another price: what it costs now and next, and beside the current price (FEATURES C30, F19, F20)."""

from dataclasses import replace
from datetime import datetime

from nodes.clients.billing.changes import RecurringPrice
from nodes.clients.billing.objects import Item
from nodes.clients.billing.previews import Previewed
from nodes.offers.agreed import Agreed, Preview
from nodes.offers.charges import Charges, Invoice
from nodes.rules.catalog import Price
from nodes.rules.periods import later
from nodes.rules.ways_to_stay import PlanChangeTerms
from nodes.services import services


async def prices_for(terms: PlanChangeTerms, charges: Charges) -> list[RecurringPrice]:
    """Return the offer's prices that this subscription can change to: of its currency, and not its own."""
    billed = charges.billed
    own = {price.id for price in billed.prices}
    found = await services().billing.changes.prices(terms.prices)
    return [each for each in found if each.currency == billed.currency and each.id not in own]


async def plan_change(terms: PlanChangeTerms, price: RecurringPrice, charges: Charges) -> Agreed:
    """Return the change to a price, with its preview. Raises `BillingFailed`."""
    [item] = charges.billed.items
    immediate = await _immediate(terms, price, item, charges)
    first, second = _coming(terms, price, charges, place=1 if immediate else 0)
    new = await charges.at_price(first, item.id, price.id)
    charged = (immediate.due or min(0, immediate.total)) if immediate else 0
    next_due = max(0, new.total + immediate.balance_after) if immediate else new.due
    preview = Preview(charges.billed.currency, charged, next_due, first.at)
    # A new period that begins now is paid by the immediate invoice, any other by the next one.
    until = first.at if terms.when == "now" and price.interval != item.interval else second.at
    own = (immediate.total if immediate else 0) + (new.total if first.at < until else 0)
    saved = sum([(await charges.of(each)).total for each in charges.until(until)]) - own
    if saved > 0 and later(charges.now, price.interval) >= later(charges.now, charges.interval):
        preview = replace(preview, saved=saved, saved_until=until)
    return Agreed(
        charges.now,
        preview,
        price_id=price.id,
        new_plan=services().catalog.plan_of([Price(price.id, price.product_id, price.lookup_key)]),
        when=terms.when,
        prorate=terms.prorate,
        starts_at=charges.now if terms.when == "now" else charges.until(None, at_most=1)[0].at,
    )


async def _immediate(terms: PlanChangeTerms, price: RecurringPrice, item: Item, charges: Charges) -> Previewed | None:
    """Return the invoice that the change makes now, if it makes one."""
    if terms.when != "now" or (price.interval == item.interval and not terms.prorate):
        return None
    return await services().billing.previews.with_price(
        charges.billed.id,
        item.id,
        price.id,
        proration="always_invoice" if terms.prorate else "none",
        as_of=charges.now,
    )


def _coming(terms: PlanChangeTerms, price: RecurringPrice, charges: Charges, place: int) -> tuple[Invoice, Invoice]:
    """Return the first two invoices of the new price after an immediate one: another interval starts a new cycle."""
    dates: list[datetime] = [each.at for each in charges.until(None, at_most=2)]
    if price.interval != charges.interval:
        start = charges.today if terms.when == "now" else dates[0]
        skipped = 1 if terms.when == "now" else 0
        dates = [later(start, price.interval, times + skipped) for times in range(2)]
    return Invoice(dates[0], place), Invoice(dates[1], place + 1)
