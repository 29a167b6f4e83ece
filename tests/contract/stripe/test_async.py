"""The asynchronous SDK."""

import asyncio

import pytest
import stripe

from .process import KEY, Simulator
from .shop import Shop, period_end


# The SDK passes the body to httpx as `data`, which httpx deprecates in favour of `content`.
@pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")
def test_many_at_once(simulator: Simulator, shop: Shop) -> None:
    subscriptions = [shop.subscription() for _ in range(5)]

    async def cancel_all() -> list[stripe.Subscription]:
        http = stripe.HTTPXClient(timeout=20)
        client = stripe.StripeClient(KEY, base_addresses={"api": simulator.url}, http_client=http)
        try:
            return await asyncio.gather(
                *(
                    client.v1.subscriptions.update_async(
                        one.id, {"cancel_at_period_end": True}, {"idempotency_key": one.id}
                    )
                    for one in subscriptions
                )
            )
        finally:
            await http.close_async()  # type: ignore[no-untyped-call]

    after = asyncio.run(cancel_all())
    assert [one.cancel_at for one in after] == [period_end(one) for one in subscriptions]
