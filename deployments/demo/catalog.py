"""The demo's prices and coupon in Stripe, created once and then found by lookup key and id."""

import stripe

from deployments.demo.cases import CURRENCY, MONTHLY_PRICES, Interval

LOYALTY_COUPON = "cancelflow-demo-loyalty-10pct"
MONTHS_OF: dict[Interval, int] = {"month": 1, "year": 10}


class Catalog:
    """A lookup of prices that creates missing ones, so that seeding twice leaves one of each."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._stripe = client.v1
        self._prices: dict[str, str] = {}

    def price(self, plan: str, interval: Interval) -> str:
        """Return the id of the plan's price for this interval; the others are there too, for offers to change plan."""
        if not self._prices:
            wanted = {_key(each, months): (each, months) for each in MONTHLY_PRICES for months in MONTHS_OF}
            self._prices = self._found_prices(list(wanted))
            missing = wanted.keys() - self._prices.keys()
            self._prices |= {key: self._new_price(key, *wanted[key]) for key in sorted(missing)}
        return self._prices[_key(plan, interval)]

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

    def _found_prices(self, keys: list[str]) -> dict[str, str]:
        found = self._stripe.prices.list({"lookup_keys": keys, "limit": len(keys)}).data
        return {str(each.lookup_key): each.id for each in found}

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
            if made := self._found_prices([key]):  # created concurrently by another process
                return made[key]
            raise


def _key(plan: str, interval: Interval) -> str:
    return f"cancelflow_demo_{plan}_{interval}"
