"""The demo's catalogue: two processes that seed a new account concurrently use the same price and coupon."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from deployments.demo.cases import MONTHLY_PRICES
from deployments.demo.catalog import LOYALTY_COUPON, MONTHS_OF, Catalog

from .process import Simulator

SEEDERS = 4


def test_seeding_a_new_account_several_times_at_once_makes_one_of_each(
    new_simulator: Callable[..., Simulator],
) -> None:
    simulator = new_simulator()
    catalogs = [Catalog(simulator.connect()) for _ in range(SEEDERS)]
    start = Barrier(SEEDERS)

    def seed(catalog: Catalog) -> tuple[str, str]:
        start.wait()
        return catalog.price("professional", "month"), catalog.loyalty_coupon()

    with ThreadPoolExecutor(SEEDERS) as pool:
        found = set(pool.map(seed, catalogs))

    [(price, coupon)] = found
    assert coupon == LOYALTY_COUPON
    prices = simulator.client.v1.prices.list({"limit": 100}).data
    assert price in [each.id for each in prices]
    assert len(prices) == len({each.lookup_key for each in prices}) == len(MONTHLY_PRICES) * len(MONTHS_OF)
