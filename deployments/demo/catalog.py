"""The demo's prices and its coupon in Stripe: made once, found again by lookup key and id."""

import stripe

from deployments.demo.cases import CURRENCY, MONTHLY_PRICES, Interval

LOYALTY_COUPON = "cancelflow-demo-loyalty-10pct"
MONTHS_OF = {"month": 1, "year": 10}


class Catalog:
    """Looks a price up before it makes one, so that seeding twice leaves one of each."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._stripe = client.v1
        self._prices: dict[str, str] = {}

    def price(self, plan: str, interval: Interval) -> str:
        """The id of the plan's price for this interval."""
        key = f"cancelflow_demo_{plan}_{interval}"
        if key not in self._prices:
            found = self._stripe.prices.list({"lookup_keys": [key], "limit": 1}).data
            self._prices[key] = found[0].id if found else self._new_price(key, plan, interval)
        return self._prices[key]

    def loyalty_coupon(self) -> str:
        """A discount of the merchant's own, which an offer must leave alone."""
        try:
            return self._stripe.coupons.retrieve(LOYALTY_COUPON).id
        except stripe.InvalidRequestError:
            terms: stripe.params.CouponCreateParams = {
                "id": LOYALTY_COUPON,
                "name": "Loyalty",
                "percent_off": 10,
                "duration": "forever",
            }
            return self._stripe.coupons.create(terms).id

    def _new_price(self, key: str, plan: str, interval: Interval) -> str:
        product = self._stripe.products.create({"name": f"Demo {plan}"})
        return self._stripe.prices.create(
            {
                "product": product.id,
                "currency": CURRENCY,
                "unit_amount": MONTHLY_PRICES[plan] * MONTHS_OF[interval],
                "recurring": {"interval": interval},
                "lookup_key": key,
            }
        ).id
