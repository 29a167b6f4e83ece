"""The demo's prices and coupon in Stripe, created once and then found by lookup key and id."""

import stripe

from deployments.demo.cases import CURRENCY, MONTHLY_PRICES, Interval

LOYALTY_COUPON = "cancelflow-demo-loyalty-10pct"
MONTHS_OF = {"month": 1, "year": 10}


class Catalog:
    """A lookup of prices that creates missing ones, so that seeding twice leaves one of each."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._stripe = client.v1
        self._prices: dict[str, str] = {}

    def price(self, plan: str, interval: Interval) -> str:
        """Return the id of the plan's price for this interval."""
        key = f"cancelflow_demo_{plan}_{interval}"
        if key not in self._prices:
            self._prices[key] = self._found_price(key) or self._new_price(key, plan, interval)
        return self._prices[key]

    def loyalty_coupon(self) -> str:
        """Return the id of a coupon that is not an offer's, for a discount that an offer must not remove."""
        if not self._has_loyalty_coupon():
            try:
                self._stripe.coupons.create(
                    {"id": LOYALTY_COUPON, "name": "Loyalty", "percent_off": 10, "duration": "forever"}
                )
            except stripe.InvalidRequestError:
                if not self._has_loyalty_coupon():  # not created concurrently by another process
                    raise
        return LOYALTY_COUPON

    def _has_loyalty_coupon(self) -> bool:
        try:
            self._stripe.coupons.retrieve(LOYALTY_COUPON)
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                return False
            raise
        return True

    def _found_price(self, key: str) -> str | None:
        found = self._stripe.prices.list({"lookup_keys": [key], "limit": 1}).data
        return found[0].id if found else None

    def _new_price(self, key: str, plan: str, interval: Interval) -> str:
        product = self._stripe.products.create({"name": f"Demo {plan}"})
        try:
            return self._stripe.prices.create(
                {
                    "product": product.id,
                    "currency": CURRENCY,
                    "unit_amount": MONTHLY_PRICES[plan] * MONTHS_OF[interval],
                    "recurring": {"interval": interval},
                    "lookup_key": key,
                }
            ).id
        except stripe.InvalidRequestError:
            if made := self._found_price(key):  # created concurrently by another process
                return made
            raise
