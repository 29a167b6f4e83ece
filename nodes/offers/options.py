"""The options of an offer for a subscription, each with what it does and what it costs (FEATURES C28, C30, C31)."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from nodes.offers.agreed import Agreed, Preview
from nodes.offers.charges import Charges
from nodes.offers.plan_changes import plan_change, prices_for
from nodes.rules.eligibility import Interval
from nodes.rules.offers import current_fate
from nodes.rules.periods import end_of_pause, later
from nodes.rules.ways_to_stay import DiscountTerms, LinkTerms, Offer, PauseTerms, PlanChangeTerms, TrialTerms
from nodes.services import services

Choice = dict[str, Any]  # `{"months": 2}`, `{"weeks": 3}` or `{"price": "price_…"}`; empty where there is no choice


@dataclass(frozen=True)
class Option:
    """One way to accept an offer."""

    choice: Choice
    agreed: Agreed
    interval: Interval | None = None  # of the price that a plan changes to


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
                Option({"price": price.id}, await plan_change(terms, price, charges), price.interval)
                for price in await prices_for(terms, charges)
                if only is None or only == {"price": price.id}
            ]
        case TrialTerms() as terms:
            found = [Option({}, await _trial(terms, charges))]
        case LinkTerms() as terms:
            found = [Option({}, Agreed(charges.now, url=terms.url))]
    return found


async def _discount(terms: DiscountTerms, charges: Charges) -> list[Agreed]:
    billed, settings = charges.billed, services().settings
    # For the preview: the coupon that is attached to a single-use offer's customer has the same terms.
    # Its id makes it one; a constant key would repeat a failure of Stripe's for a day.
    coupon = await services().billing.coupons.ensure(terms, key=f"offer:{uuid4()}" if charges.may_write else None)
    running = any(each.runs(charges.now) and each.coupon_id != coupon for each in billed.discounts_in_force)
    fate = current_fate(settings.offer_when_discounted) if running else None
    ends_at = later(charges.today, ("month", 1), terms.months) if terms.months else None
    covered = charges.until(ends_at, at_most=None if terms.months else 1)
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
        again = (await charges.of(after, replacing=replacing)).total
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
    missed, next_charge = [await charges.of(each) for each in skipped], await charges.of(following)
    due = next_charge.due
    if terms.collection == "mark_uncollectible":  # Stripe spends a balance on these invoices all the same
        balance = missed[0].balance
        for each in missed:
            balance = min(0, balance + each.total)
        due = max(0, next_charge.total + balance)
    saved = sum(each.total for each in missed)
    preview = Preview(billed.currency, 0, due, following.at, saved=saved, saved_until=following.at)
    return [Agreed(charges.now, preview, behavior=terms.collection, resumes_at=resumes_at)]


async def _trial(terms: TrialTerms, charges: Charges) -> Agreed:
    billed = charges.billed
    ends_at = (billed.trial_ends_at or billed.current_period_end) + timedelta(days=terms.days)
    first = await services().billing.previews.with_trial(billed.id, ends_at)
    return Agreed(charges.now, Preview(billed.currency, 0, first.due, ends_at), trial_ends_at=ends_at)
