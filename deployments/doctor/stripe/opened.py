"""The Stripe client of a part, closed after its checks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nodes.clients.billing.setup_checks import BillingSetup
from nodes.settings import BillingSettings


@asynccontextmanager
async def opened(settings: BillingSettings) -> AsyncIterator[BillingSetup]:
    """Open a client for the block."""
    stripe = BillingSetup(settings)
    try:
        yield stripe
    finally:
        await stripe.close()
