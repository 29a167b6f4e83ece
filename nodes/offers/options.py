"""The options of an offer for a subscription, each with what it does and what it costs (FEATURES C28, C30, C31)."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from nodes.clients.billing_changes import RecurringPrice
from nodes.offers.agreed import Agreed, Preview
from nodes.offers.charges import Charges
from nodes.rules.catalog import Price
from nodes.rules.offers import current_fate
from nodes.rules.periods import end_of_pause, later, period_starts
from nodes.rules.ways_to_stay import DiscountTerms, LinkTerms, Offer, PauseTerms, PlanChangeTerms, Terms, TrialTerms
from nodes.services import services

Choice = dict[str, Any]  # `{"months": 2}`, `{"weeks": 3}` or `{"price": "price_…"}`; empty where there is no choice


@dataclass(frozen=True)
class Option:
    """One way to accept an offer."""

    choice: Choice
    agreed: Agreed


async def options_of(offer: Offer, charges: Charges, *, only: Choice | None = None) -> list[Option]:
    """Return the options that change something for this customer; `only`: the one that they chose.

    Raises `BillingFailed`.
    """
    match offer.terms:
        case DiscountTerms() as terms:
            found = [Option({}, agreed) for agreed in await _discount(terms, charges)]
        case PauseTerms() as terms:
            lengths = range(terms.least, terms.most + 1)
            found = [
                Option({f"{terms.unit}s": length}, agreed)
                for length in lengths
                if only is None or only == {f"{terms.unit}s": length}
                for agreed in await _pause(terms, length, charges)
            ]
        case PlanChangeTerms() as terms:
            found = [
                Option({"price": price.id}, await _plan_change(terms, price, charges))
                for price in await prices_for(terms, charges)
                if only is None or only == {"price": price.id}
            ]
        case TrialTerms() as terms:
            found = [Option({}, await _trial(terms, charges))]
        case LinkTerms() as terms:
            found = [Option({}, Agreed(charges.now, url=terms.url))]
    return found


def choices_of(terms: Terms) -> list[Choice]:
    """Return the choices that an offer permits by itself; prices are in Stripe: `prices_for`."""
    if isinstance(terms, PauseTerms):
        return [{f"{terms.unit}s": length} for length in range(terms.least, terms.most + 1)]
    return [{}]


async def prices_for(terms: PlanChangeTerms, charges: Charges) -> list[RecurringPrice]:
    """Return the offer's prices that this subscription can change to: of its currency, and not its own."""
    billed = charges.billed
    own = {price.id for price in billed.prices}
    found = await services().billing.changes.prices(terms.prices)
    return [each for each in found if each.currency == billed.currency and each.id not in own]


async def _discount(terms: DiscountTerms, charges: Charges) -> list[Agreed]:
    billed, settings = charges.billed, services().settings
    # For the preview: the coupon that is attached to a single-use offer's customer has the same terms.
    coupon = await services().billing.coupons.ensure(terms, key=f"preview:{terms.coupon_id}")
    running = any(each.runs(charges.now) and each.coupon_id != coupon for each in billed.discounts_in_force)
    fate = current_fate(settings.offer_when_discounted) if running else None
    ends_at = later(charges.now, ("month", 1), terms.months) if terms.months else None
    covered = charges.until(ends_at, at_most=1 if terms.months is None else 40)
    if not covered:
        return []  # it would end before the next invoice
    replacing = fate == "replaced"
    first, full = covered[0], [await charges.of(each) for each in covered]
    reduced = [await charges.of(each, coupon=coupon, replacing=replacing) for each in covered]
    saved = sum(each.total for each in full) - sum(each.total for each in reduced)
    if saved <= 0:
        return []
    preview = Preview(billed.currency, 0, reduced[0].due, first.at)
    if terms.duration != "forever":
        after = charges.until(None, at_most=len(covered) + 1)[-1]
        again = (await charges.of(after)).total
        preview = replace(preview, price_again=again, price_again_at=after.at, saved=saved, saved_until=after.at)
    agreed = Agreed(
        charges.now,
        preview,
        coupon_id=coupon,
        percent_off=terms.percent_off,
        months=terms.months,
        entitlements=terms.entitlements,
        current_discount=fate,
        discount_ends_at=ends_at,
        single_use=terms.single_use,
    )
    return [agreed]


async def _pause(terms: PauseTerms, length: int, charges: Charges) -> list[Agreed]:
    billed = charges.billed
    anchor = billed.anchor or billed.current_period_end
    resumes_at = end_of_pause(charges.now, terms.unit, length, anchor, charges.interval)
    skipped = charges.until(resumes_at)
    if not skipped:
        return []  # billing would resume before the next invoice
    following = charges.first_from(resumes_at)
    saved = sum([(await charges.of(each)).total for each in skipped])
    preview = Preview(
        billed.currency, 0, (await charges.of(following)).due, following.at, saved=saved, saved_until=following.at
    )
    return [Agreed(charges.now, preview, behavior=terms.collection, resumes_at=resumes_at)]


async def _plan_change(terms: PlanChangeTerms, price: RecurringPrice, charges: Charges) -> Agreed:
    billed, previews = charges.billed, services().billing.previews
    [item] = billed.items
    following = charges.until(None, at_most=1)[0]
    old = await charges.of(following)
    new = await previews.with_price(billed.id, item.id, price.id, proration="none", as_of=charges.now)
    same, now = price.interval == item.interval, terms.when == "now"
    charged, next_at, next_due = 0, following.at, new.due
    if now and terms.prorate:
        prorated = await previews.with_price(
            billed.id, item.id, price.id, proration="always_invoice", as_of=charges.now
        )
        charged = prorated.due or min(0, prorated.total)
        next_due = max(0, new.total + min(0, prorated.total))
    if now and not same:
        charged = charged if terms.prorate else new.due
        next_at, next_due = next(period_starts(charges.now, price.interval, charges.now)), new.total
    preview = Preview(billed.currency, charged, next_due, next_at)
    saved = _old_price(old.total, charges, price) - new.total
    if saved > 0:
        preview = replace(preview, saved=saved, saved_until=later(following.at, price.interval))
    return Agreed(
        charges.now,
        preview,
        price_id=price.id,
        new_plan=services().catalog.plan_of([Price(price.id, price.product_id, price.lookup_key)]),
        when=terms.when,
        prorate=terms.prorate,
        starts_at=charges.now if now else following.at,
    )


def _old_price(total: int, charges: Charges, price: RecurringPrice) -> int:
    """Return what the current price would cost over one interval of the new price; 0 if that is shorter."""
    start = charges.billed.current_period_end
    end, times = later(start, price.interval), 0
    while later(start, charges.interval, times + 1) <= end:
        times += 1
    return total * times


async def _trial(terms: TrialTerms, charges: Charges) -> Agreed:
    billed = charges.billed
    ends_at = (billed.trial_ends_at or billed.current_period_end) + timedelta(days=terms.days)
    first = await services().billing.previews.with_trial(billed.id, ends_at)
    return Agreed(charges.now, Preview(billed.currency, 0, first.due, ends_at), trial_ends_at=ends_at)
