"""Lookup of the catalogue's prices, lookup keys and products in Stripe."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Literal

import stripe

from nodes.clients.billing.calls import PAGE_SIZE, WRITE_SECONDS, ask, together
from nodes.errors import BillingFailed

State = Literal["active", "archived", "missing"]
# Stripe's limit for lookup keys per call.
KEYS_A_CALL = 10
# Stripe allows 25 calls a second in test mode.
AT_A_TIME = 5


class BillingPrices:
    """The price and product calls of `BillingSetup`, on its connections."""

    def __init__(self, prices: stripe.PriceService, products: stripe.ProductService) -> None:
        self._prices = prices
        self._products = products
        self._turns = asyncio.Semaphore(AT_A_TIME)

    async def prices(self, ids: Sequence[str]) -> dict[str, State]:
        """Return the state of each price."""
        return await self._states(ids, self._prices.retrieve_async)

    async def products(self, ids: Sequence[str]) -> dict[str, State]:
        """Return the state of each product."""
        return await self._states(ids, self._products.retrieve_async)

    async def lookup_keys(self, keys: Sequence[str]) -> dict[str, State]:
        """Return the state of each lookup key's price."""
        chunks = [keys[start : start + KEYS_A_CALL] for start in range(0, len(keys), KEYS_A_CALL)]
        found = await together(*map(self._with_lookup_keys, chunks))
        states = {price.lookup_key: _state(price) for prices in found for price in prices}
        return {key: states.get(key, "missing") for key in keys}

    async def _with_lookup_keys(self, keys: Sequence[str]) -> Iterable[stripe.Price]:
        async with self._turns:
            found = await ask(
                lambda: self._prices.list_async({"lookup_keys": list(keys), "limit": PAGE_SIZE}),
                writing=False,
                seconds=WRITE_SECONDS,
            )
        return found.data

    async def _states(
        self, ids: Sequence[str], retrieve: Callable[[str], Awaitable[stripe.Price | stripe.Product]]
    ) -> dict[str, State]:
        async def state(identifier: str) -> State:
            try:
                async with self._turns:
                    return _state(await ask(lambda: retrieve(identifier), writing=False, seconds=WRITE_SECONDS))
            except BillingFailed as error:
                if error.code == "resource_missing":
                    return "missing"
                raise

        return dict(zip(ids, await together(*map(state, ids)), strict=True))


def _state(found: stripe.Price | stripe.Product) -> State:
    return "active" if found.active else "archived"
