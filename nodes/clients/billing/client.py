"""Stripe client for cancellation, reactivation and retention offers (https://docs.stripe.com/api/subscriptions).

Every write takes an idempotency key made of request and step (`{request_id}:6B`), so a retried step has no second
effect in Stripe. Raises `BillingFailed`, without Stripe's message, which may quote the parameters sent.
"""

from collections.abc import Sequence
from datetime import datetime

import stripe
from stripe import RequestOptions
from stripe.params import (
    SubscriptionListParams,
    SubscriptionUpdateParams,
    SubscriptionUpdateParamsCancellationDetails,
    SubscriptionUpdateParamsDiscount,
)

from nodes.clients.billing.calls import PAGE_SIZE, WRITE_SECONDS, ask
from nodes.clients.billing.changes import BillingChanges
from nodes.clients.billing.coupons import BillingCoupons
from nodes.clients.billing.invoices import BillingInvoices
from nodes.clients.billing.objects import BillingSubscription, Discount, Page, read_subscription
from nodes.clients.billing.previews import BillingPreviews
from nodes.clients.billing.refunds import BillingRefunds
from nodes.errors import BillingFailed
from nodes.settings import BillingSettings

# For one attempt. A write to Stripe takes up to about 2 s.
TIMEOUT_SECONDS = 2.5
# The SDK retries transient errors (lost connection, 409 of a lock, 5xx) with the same idempotency key; no other 4xx.
NETWORK_RETRIES = 1
GLANCE_SECONDS = 1.0
CHECK_SECONDS = 2.0


class Billing:
    """An async Stripe client that lives as long as the process."""

    def __init__(self, settings: BillingSettings) -> None:
        self._livemode = "_live_" in settings.stripe_api_key.get_secret_value()
        self._http = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS)
        client = stripe.StripeClient(
            settings.stripe_api_key.get_secret_value(),
            base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
            http_client=self._http,
            max_network_retries=NETWORK_RETRIES,
        )
        self._stripe = client.v1
        self.invoices = BillingInvoices(self._stripe.invoices, self._stripe.credit_notes)
        self.changes = BillingChanges(client)
        self.previews = BillingPreviews(self._stripe.invoices)
        self.refunds = BillingRefunds(client)
        self.coupons = BillingCoupons(self._stripe.coupons)

    @property
    def livemode(self) -> bool:
        """Return whether the API key is a live one, which moves real money."""
        return self._livemode

    async def subscription(self, subscription_id: str) -> BillingSubscription:
        """Return the subscription's current state in Stripe."""
        return read_subscription(
            await ask(
                lambda: self._stripe.subscriptions.retrieve_async(subscription_id, {"expand": EXPANDED}), writing=False
            )
        )

    async def customer_metadata(self, subscription_id: str) -> dict[str, str]:
        """Return the metadata of a subscription's customer, which may be personal: it is not kept."""
        found = await ask(
            lambda: self._stripe.subscriptions.retrieve_async(subscription_id, {"expand": ["customer"]}), writing=False
        )
        metadata = None if isinstance(found.customer, str) else getattr(found.customer, "metadata", None)
        return dict(metadata.to_dict()) if metadata else {}

    async def live_subscriptions(self, after: str | None) -> Page:
        """Return a page of the subscriptions that have not ended, newest first, without their customers' discounts."""
        params: SubscriptionListParams = {"limit": PAGE_SIZE}
        if after is not None:
            params["starting_after"] = after
        found = await ask(lambda: self._stripe.subscriptions.list_async(params), writing=False, seconds=WRITE_SECONDS)
        return Page(tuple(map(read_subscription, found.data)), found.data[-1].id if found.has_more else None)

    async def glance(self, subscription_id: str) -> BillingSubscription | None:
        """Return the subscription, or None if Stripe does not respond quickly.

        Determines the outcome of a write whose response was lost, within the customer's deadline.
        """
        once: RequestOptions = {"max_network_retries": 0}
        try:
            return read_subscription(
                await ask(
                    lambda: self._stripe.subscriptions.retrieve_async(subscription_id, {"expand": EXPANDED}, once),
                    writing=False,
                    seconds=GLANCE_SECONDS,
                )
            )
        except BillingFailed:
            return None

    async def release_schedule(self, schedule_id: str, *, key: str) -> None:
        """Release a subscription from its schedule, which otherwise blocks the cancellation."""
        await ask(
            lambda: self._stripe.subscription_schedules.release_async(schedule_id, {}, {"idempotency_key": key}),
            writing=True,
        )

    async def cancel_at_period_end(
        self,
        subscription_id: str,
        *,
        feedback: str | None,
        feedback_option: str | None = None,
        comment: str | None,
        key: str,
    ) -> BillingSubscription:
        """Schedule the cancellation for the end of the paid period, until which the customer keeps access."""
        details = _cancellation_details(feedback, feedback_option, comment)
        return await self._update(subscription_id, {"cancel_at_period_end": True, "cancellation_details": details}, key)

    async def take_back_cancellation(
        self, subscription: BillingSubscription, *, term_ends_at: datetime | None = None, key: str
    ) -> BillingSubscription:
        """Clear whichever of `cancel_at_period_end` and `cancel_at` is set: Stripe refuses both in one call.

        Discounts stay. `term_ends_at`: end of the fixed term that the cancellation had replaced; it is set again.
        """
        if term_ends_at:
            return await self._update(subscription.id, {"cancel_at": int(term_ends_at.timestamp())}, key)
        if subscription.cancel_at_period_end:
            return await self._update(subscription.id, {"cancel_at_period_end": False}, key)
        return await self._update(subscription.id, {"cancel_at": ""}, key)

    async def cancellation_comment(self, subscription_id: str) -> str | None:
        """Return the customer's comment from Stripe's portal. Personal data: store it only in its database row."""
        found = await ask(lambda: self._stripe.subscriptions.retrieve_async(subscription_id), writing=False)
        return found.cancellation_details.comment if found.cancellation_details else None

    async def cancel_now(
        self, subscription_id: str, *, feedback: str | None, feedback_option: str | None = None, comment: str | None
    ) -> BillingSubscription:
        """Cancel immediately. Stripe's DELETE ignores idempotency keys and refuses a repeat: read the status first."""
        details = _cancellation_details(feedback, feedback_option, comment)
        try:
            canceled = await ask(
                lambda: self._stripe.subscriptions.cancel_async(
                    subscription_id, {"cancellation_details": details, "expand": EXPANDED}
                ),
                writing=True,
            )
        except BillingFailed as error:
            # The SDK retries a call whose response was lost, and the retry finds no subscription left to cancel.
            gone = error.code == "resource_missing" and not refuses_feedback(error)
            error.uncertain = error.uncertain or gone
            raise
        return read_subscription(canceled)

    async def apply_coupon(
        self, subscription_id: str, coupon_id: str, *, keep: Sequence[Discount], key: str
    ) -> BillingSubscription:
        """Add the coupon to the discounts to keep: Stripe overwrites the whole list, so those are sent again."""
        discounts: list[SubscriptionUpdateParamsDiscount] = [{"discount": discount.id} for discount in keep]
        discounts.append({"coupon": coupon_id})
        return await self._update(subscription_id, {"discounts": discounts}, key)

    async def check(self) -> None:
        """Raise unless Stripe responds and accepts the key."""
        once: RequestOptions = {"max_network_retries": 0}
        await ask(lambda: self._stripe.balance.retrieve_async({}, once), writing=False, seconds=CHECK_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _update(self, subscription_id: str, change: SubscriptionUpdateParams, key: str) -> BillingSubscription:
        change["expand"] = EXPANDED
        return read_subscription(
            await ask(
                lambda: self._stripe.subscriptions.update_async(subscription_id, change, {"idempotency_key": key}),
                writing=True,
            )
        )


# The customer's discount is only on the customer object, a schedule's phases only on the schedule, and discounts are
# bare ids unless expanded.
EXPANDED = ["discounts", "customer", "schedule"]


_FEEDBACK = ("cancellation_details[feedback_option]", "cancellation_details[feedback]", "cancellation_details")


def refuses_feedback(error: BillingFailed) -> bool:
    """Return whether Stripe did nothing because it refuses the feedback option, or that and the feedback together."""
    return not error.uncertain and error.param in _FEEDBACK


def _cancellation_details(
    feedback: str | None, feedback_option: str | None, comment: str | None
) -> SubscriptionUpdateParamsCancellationDetails:
    details: SubscriptionUpdateParamsCancellationDetails = {}
    if feedback:
        details["feedback"] = feedback
    if feedback_option:
        details["feedback_option"] = feedback_option
    if comment:
        details["comment"] = comment
    return details
