"""What a change that was made in Stripe does and costs, in the form of an accepted offer."""

from nodes.clients.billing.objects import BillingSubscription, ScheduledPrice
from nodes.offers.agreed import Agreed, Preview
from nodes.offers.charges import Charges, Invoice, charges_of
from nodes.rules.catalog import Price
from nodes.rules.ways_to_stay import ChangeKind
from nodes.services import services


async def agreed_in_stripe(kind: ChangeKind, plan: str, billed: BillingSubscription) -> Agreed:
    """Return the change that Stripe shows, with the next charge if there is one. Raises `BillingFailed`."""
    charges = await charges_of(billed)
    preview = await next_charge(charges)
    match kind:
        case "pause" if billed.pause:
            return Agreed(charges.now, preview, resumes_at=billed.pause.resumes_at)
        case "trial_extension":
            return Agreed(charges.now, preview, trial_ends_at=billed.trial_ends_at)
        case "plan_change":
            catalog = services().catalog
            price = next(p for p in billed.prices if {p.id, p.lookup_key} & catalog.offered_prices)
            new_plan = catalog.plan_of([price])
            return Agreed(charges.now, preview, price_id=price.id, new_plan=new_plan, starts_at=charges.now)
        case "discount":
            coupons = services().catalog.plan(plan).coupons
            discount = next(each for each in billed.discounts if each.coupon_id in coupons)
            terms = coupons[str(discount.coupon_id)]
            return Agreed(
                charges.now,
                preview,
                coupon_id=terms.coupon_id,
                percent_off=terms.percent_off,
                months=terms.months,
                discount_ends_at=discount.ends_at,
            )
        case _:
            return Agreed(charges.now, preview)


async def scheduled_in_stripe(billed: BillingSubscription, scheduled: ScheduledPrice) -> Agreed:
    """Return the change of plan that Stripe's schedule shows. Raises `BillingFailed`."""
    charges = await charges_of(billed)
    # A schedule has the price's id only, and the catalogue may know it by another name.
    [price] = await services().billing.changes.prices((scheduled.price.id,))
    return Agreed(
        charges.now,
        await next_charge(charges),
        price_id=price.id,
        new_plan=services().catalog.plan_of([Price(price.id, price.product_id, price.lookup_key)]),
        when="period_end",
        starts_at=scheduled.starts_at,
    )


async def next_charge(charges: Charges) -> Preview | None:
    """Return the next charge; None if there is none, while no end of a pause is set, and for several intervals."""
    billed = charges.billed
    if len(billed.intervals) != 1 or billed.pending or billed.status not in ("active", "trialing", "past_due"):
        return None
    following = charges.until(None, at_most=1)[0]
    if billed.scheduled is not None:
        return await _scheduled(charges, following)
    if billed.pause is not None:
        if billed.pause.resumes_at is None:
            return None
        following = charges.first_from(billed.pause.resumes_at)
    return Preview(billed.currency, 0, (await charges.of(following)).due, following.at)


async def _scheduled(charges: Charges, following: Invoice) -> Preview | None:
    """Return the charge at the start of a scheduled price, if that is the next one; its interval may be another."""
    billed, scheduled = charges.billed, charges.billed.scheduled
    if scheduled is None or scheduled.starts_at > following.at or len(billed.items) != 1:
        return Preview(billed.currency, 0, (await charges.of(following)).due, following.at)
    new = await services().billing.previews.with_price(
        billed.id, billed.items[0].id, scheduled.price.id, proration="none", as_of=charges.now
    )
    return Preview(billed.currency, 0, new.due, following.at)
