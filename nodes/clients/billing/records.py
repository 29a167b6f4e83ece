"""Stripe client for data deletion: a former customer's remaining subscriptions, and the comments they wrote.

Used by background flows, so its timeouts are longer than those of `Billing`. Raises `BillingFailed`.
"""

import stripe

from nodes.clients.billing.calls import our_errors
from nodes.clients.billing.objects import BillingSubscription, read_subscription
from nodes.errors import BillingFailed, VerificationFailed
from nodes.settings import BillingSettings

TIMEOUT_SECONDS = 10.0
# A batch of 100, eight at a time, must finish within its ten-minute claim even when every call fails.
NETWORK_RETRIES = 2
PAGE = 100


class BillingRecords:
    """An async Stripe client that lives as long as the process."""

    def __init__(self, settings: BillingSettings) -> None:
        self._http = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS)
        self._stripe = stripe.StripeClient(
            settings.stripe_api_key.get_secret_value(),
            base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
            http_client=self._http,
            max_network_retries=NETWORK_RETRIES,
        ).v1

    async def subscriptions_of(self, customer_id: str) -> list[BillingSubscription] | None:
        """Return all current and past subscriptions, without discounts; None where Stripe doesn't know the customer."""
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
        """Clear the comment of a cancellation, also on a canceled subscription; the feedback code stays.

        Return False where Stripe doesn't know the subscription, and so holds no comment. Raises `VerificationFailed` if
        the comment is still there.
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
