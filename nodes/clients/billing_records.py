"""Stripe, after the end: what a customer who left still has there, and what they wrote.

Asked by flows for which nobody waits, so it is more patient than `Billing`. Errors leave as `BillingFailed`.
"""

import stripe

from nodes.clients.billing_calls import our_errors
from nodes.clients.billing_objects import BillingSubscription, read_subscription
from nodes.errors import BillingFailed, VerificationFailed
from nodes.settings import BillingSettings

TIMEOUT_SECONDS = 10.0
# A batch of a hundred, eight at a time and each in vain, ends within the ten minutes for which it is claimed.
NETWORK_RETRIES = 2
PAGE = 100


class BillingRecords:
    """One async client for the life of a process."""

    def __init__(self, settings: BillingSettings) -> None:
        self._http = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS)
        self._stripe = stripe.StripeClient(
            settings.stripe_api_key.get_secret_value(),
            base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
            http_client=self._http,
            max_network_retries=NETWORK_RETRIES,
        ).v1

    async def subscriptions_of(self, customer_id: str) -> list[BillingSubscription] | None:
        """Return each that the customer has or had, with none of the discounts; None where Stripe does not know them."""
        try:
            with our_errors(writing=False):
                found = await self._stripe.subscriptions.list_async(
                    {"customer": customer_id, "status": "all", "limit": PAGE}
                )
                return [read_subscription(each) async for each in found.auto_paging_iter()]
        except BillingFailed as error:
            if error.code == "resource_missing":
                return None
            raise

    async def clear_comment(self, subscription_id: str, *, key: str) -> bool:
        """Take back the words that came with a cancellation; the feedback's code stays. A canceled one takes it too.

        False where Stripe does not know the subscription, and so holds nothing. Raises `VerificationFailed` if they are
        still there.
        """
        try:
            with our_errors(writing=True):
                updated = await self._stripe.subscriptions.update_async(
                    subscription_id, {"cancellation_details": {"comment": ""}}, {"idempotency_key": key}
                )
        except BillingFailed as error:
            if error.code == "resource_missing":
                return False
            raise
        if updated.cancellation_details and updated.cancellation_details.comment:
            raise VerificationFailed(f"Stripe still has the comment of {subscription_id}")
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]
