"""Stripe's coupons: one for the terms of each offer, and one of its own for a customer (FEATURES F05).

https://docs.stripe.com/api/coupons. Raises `BillingFailed`.
"""

from datetime import UTC, datetime, timedelta

import stripe
from stripe.params import CouponCreateParams

from nodes.clients.billing.calls import WRITE_SECONDS, ask
from nodes.errors import BillingFailed
from nodes.rules.ways_to_stay import DiscountTerms

# How long a coupon for one customer can be redeemed: longer than any run that attaches it immediately.
REDEEMABLE = timedelta(hours=1)


class BillingCoupons:
    """The coupon calls of `Billing`, on its connections."""

    def __init__(self, coupons: stripe.CouponService) -> None:
        self._coupons = coupons

    async def duration(self, coupon_id: str) -> str | None:
        """Return `once`, `repeating` or `forever`; None for a coupon that was deleted."""
        found = await self._existing(coupon_id)
        return found.duration if found else None

    async def ensure(self, terms: DiscountTerms, *, key: str | None) -> str:
        """Return the id of the coupon for these terms, made on first use; raise if that id exists with other terms.

        `key`: None to write nothing, and to raise if it was not made yet.
        """
        wanted = _wanted(terms)
        coupon = await self._existing(terms.coupon_id)
        if coupon is None and key is None:
            raise BillingFailed(f"Stripe's coupon {terms.coupon_id} was not made yet", code="resource_missing")
        coupon = coupon or await self._make(terms.coupon_id, wanted, str(key))
        found = {name: getattr(coupon, name, None) for name in _TERMS}
        if found != {name: wanted.get(name) for name in _TERMS}:
            what = f"Stripe's coupon {terms.coupon_id} has other terms than the offer: {found}"
            raise BillingFailed(what, code="coupon_has_other_terms")
        return coupon.id

    async def ensure_single_use(self, terms: DiscountTerms, coupon_id: str, *, key: str) -> None:
        """Make the coupon with these terms that only one subscription can redeem, within an hour.

        One that expired unused is made again, with a key of its own.
        """
        found = await self._existing(coupon_id)
        if found and (found.valid or found.times_redeemed):
            return
        if found:
            await ask(lambda: self._coupons.delete_async(coupon_id), writing=False, seconds=WRITE_SECONDS)
        wanted = _wanted(terms)
        wanted["max_redemptions"] = 1
        wanted["redeem_by"] = int((datetime.now(UTC) + REDEEMABLE).timestamp())
        await self._make(coupon_id, wanted, f"{key}:{wanted['redeem_by']}")

    async def _existing(self, coupon_id: str) -> stripe.Coupon | None:
        try:
            return await ask(lambda: self._coupons.retrieve_async(coupon_id), writing=False)
        except BillingFailed as error:
            if error.code == "resource_missing":
                return None
            raise

    async def _make(self, coupon_id: str, terms: CouponCreateParams, key: str) -> stripe.Coupon:
        terms["id"] = coupon_id
        try:
            # A coupon whose creation was not confirmed is found on the next attempt; no subscription depends on it.
            return await ask(
                lambda: self._coupons.create_async(terms, {"idempotency_key": key}),
                writing=False,
                seconds=WRITE_SECONDS,
            )
        except BillingFailed as error:
            # Another request created the coupon between our read and our write, so use that one.
            if error.code == "resource_already_exists" and (made := await self._existing(coupon_id)):
                return made
            raise


_TERMS = ("percent_off", "amount_off", "currency", "duration", "duration_in_months")


def _wanted(terms: DiscountTerms) -> CouponCreateParams:
    wanted: CouponCreateParams = {"name": terms.name, "duration": terms.duration}
    if terms.percent_off is not None:
        wanted["percent_off"] = terms.percent_off
    if terms.amount_off is not None and terms.currency is not None:
        wanted["amount_off"], wanted["currency"] = terms.amount_off, terms.currency
    if terms.months is not None:
        wanted["duration_in_months"] = terms.months
    return wanted
