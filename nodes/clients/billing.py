"""Stripe, as far as leaving and staying need it (https://docs.stripe.com/api/subscriptions).

Every write takes an idempotency key made of request and step (`{request_id}:6B`), so that repeating a step repeats
nothing in Stripe. Errors leave here as `BillingFailed`, without Stripe's message: that may quote what we sent.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import stripe
from stripe import RequestOptions
from stripe.params import (
    CouponCreateParams,
    SubscriptionUpdateParams,
    SubscriptionUpdateParamsCancellationDetails,
    SubscriptionUpdateParamsDiscount,
)

from nodes.errors import BillingFailed
from nodes.rules.offers import RetentionOffer
from nodes.rules.statuses import is_pending
from nodes.settings import BillingSettings

# A write at Stripe takes up to about 2 s. Two tries of 3 s with half a second between them leave room, inside the
# customer's 8 s, to read back what became of a write whose answer was lost.
TIMEOUT_SECONDS = 3.0
# The SDK repeats what may pass (connection lost, 409 of a lock, 5xx) under the same idempotency key; not a 4xx.
NETWORK_RETRIES = 1
GLANCE_TIMEOUT_SECONDS = 1.0
CHECK_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True)
class Discount:
    """A coupon that is attached to a subscription."""

    id: str
    coupon_id: str | None


@dataclass(frozen=True)
class BillingSubscription:
    """A subscription as Stripe says it is now. Times are UTC."""

    id: str
    status: str
    cancel_at_period_end: bool
    cancel_at: datetime | None
    ended_at: datetime | None
    current_period_start: datetime
    current_period_end: datetime  # the earliest item's: a boolean cancellation means that one
    billed_monthly: bool
    schedule_id: str | None
    discounts: tuple[Discount, ...]
    inherited_discount_id: str | None  # the customer's own, which a discount on the subscription would hide
    stripe_request_id: str | None = None  # req_… of the call that answered this

    @property
    def pending(self) -> bool:
        """Whether it already has its end, by either sign."""
        return is_pending(cancel_at_period_end=self.cancel_at_period_end, cancel_at=self.cancel_at)

    def discount_of(self, coupon_id: str) -> Discount | None:
        """The discount that this coupon gave, if it did."""
        return next((d for d in self.discounts if d.coupon_id == coupon_id), None)


class Billing:
    """One async client for the life of a process."""

    def __init__(self, settings: BillingSettings) -> None:
        self._http = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS)
        self._stripe = stripe.StripeClient(
            settings.stripe_api_key.get_secret_value(),
            base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
            http_client=self._http,
            max_network_retries=NETWORK_RETRIES,
        ).v1

    async def subscription(self, subscription_id: str) -> BillingSubscription:
        """What Stripe says of it now. A GET, so repeating it is free."""
        with _our_errors(writing=False):
            return _read(await self._stripe.subscriptions.retrieve_async(subscription_id, {"expand": _EXPANDED}))

    async def glance(self, subscription_id: str) -> BillingSubscription | None:
        """What Stripe says of it, if it says so at once: to settle a lost answer inside the customer's deadline."""
        options: RequestOptions = {"max_network_retries": 0}
        try:
            async with asyncio.timeout(GLANCE_TIMEOUT_SECONDS):
                with _our_errors(writing=False):
                    return _read(
                        await self._stripe.subscriptions.retrieve_async(subscription_id, {"expand": _EXPANDED}, options)
                    )
        except (BillingFailed, TimeoutError):
            return None

    async def release_schedule(self, schedule_id: str, *, key: str) -> None:
        """Let a subscription go from its schedule, which otherwise refuses the cancellation."""
        with _our_errors(writing=True):
            await self._stripe.subscription_schedules.release_async(schedule_id, {}, {"idempotency_key": key})

    async def cancel_at_period_end(
        self, subscription_id: str, *, feedback: str | None, comment: str | None, key: str
    ) -> BillingSubscription:
        """Schedule the end for when the paid period is over. The customer keeps what they paid for."""
        details = _cancellation_details(feedback, comment)
        return await self._update(subscription_id, {"cancel_at_period_end": True, "cancellation_details": details}, key)

    async def cancel_now(
        self, subscription_id: str, *, feedback: str | None, comment: str | None
    ) -> BillingSubscription:
        """End it at once. Stripe's DELETE ignores idempotency keys; a second one is refused, so read before."""
        try:
            with _our_errors(writing=True):
                canceled = await self._stripe.subscriptions.cancel_async(
                    subscription_id,
                    {"cancellation_details": _cancellation_details(feedback, comment), "expand": _EXPANDED},
                )
        except BillingFailed as error:
            # The SDK repeats a call whose answer was lost, and the repeat finds nothing left to end.
            error.uncertain = error.uncertain or error.code == "resource_missing"
            raise
        return _read(canceled)

    async def ensure_coupon(self, offer: RetentionOffer, *, key: str) -> str:
        """The offer's coupon, made on its first use and reused after; refuses one of that id with other terms."""
        coupon = await self._existing_coupon(offer.coupon_id) or await self._new_coupon(offer, key)
        terms = (coupon.percent_off, coupon.duration, coupon.duration_in_months)
        if terms != (offer.percent_off, "repeating", offer.months):
            raise BillingFailed(f"Stripe's coupon {offer.coupon_id} has other terms than the offer: {terms}")
        return coupon.id

    async def apply_coupon(self, subscription: BillingSubscription, coupon_id: str, *, key: str) -> BillingSubscription:
        """Attach the coupon beside the discounts that are there: Stripe's list overwrites, so they are sent again."""
        kept = [d.id for d in subscription.discounts]
        if not kept and subscription.inherited_discount_id:
            kept = [subscription.inherited_discount_id]
        discounts: list[SubscriptionUpdateParamsDiscount] = [{"discount": discount} for discount in kept]
        discounts.append({"coupon": coupon_id})
        return await self._update(subscription.id, {"discounts": discounts}, key)

    async def check(self) -> None:
        """Raises unless Stripe answers and knows the key."""
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                with _our_errors(writing=False):
                    await self._stripe.balance.retrieve_async({}, {"max_network_retries": 0})
        except TimeoutError:
            raise BillingFailed("Stripe did not answer in time") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _update(self, subscription_id: str, change: SubscriptionUpdateParams, key: str) -> BillingSubscription:
        change["expand"] = _EXPANDED
        with _our_errors(writing=True):
            updated = await self._stripe.subscriptions.update_async(subscription_id, change, {"idempotency_key": key})
        return _read(updated)

    async def _existing_coupon(self, coupon_id: str) -> stripe.Coupon | None:
        try:
            with _our_errors(writing=False):
                return await self._stripe.coupons.retrieve_async(coupon_id)
        except BillingFailed as error:
            if error.code == "resource_missing":
                return None
            raise

    async def _new_coupon(self, offer: RetentionOffer, key: str) -> stripe.Coupon:
        terms: CouponCreateParams = {
            "id": offer.coupon_id,
            "name": f"{offer.discount} for {offer.duration}",  # on invoices; Stripe takes 40 characters
            "percent_off": offer.percent_off,
            "duration": "repeating",
            "duration_in_months": offer.months,
        }
        try:
            # A coupon that was made and not heard of is found at the next try: nobody's subscription hangs on it.
            with _our_errors(writing=False):
                return await self._stripe.coupons.create_async(terms, {"idempotency_key": key})
        except BillingFailed as error:
            # Another request made it between our look and our write: that one serves.
            if error.code == "resource_already_exists" and (made := await self._existing_coupon(offer.coupon_id)):
                return made
            raise


# The customer's own discount is only seen on the customer; discounts come as bare ids unless expanded.
_EXPANDED = ["discounts", "customer"]


def _cancellation_details(feedback: str | None, comment: str | None) -> SubscriptionUpdateParamsCancellationDetails:
    details: SubscriptionUpdateParamsCancellationDetails = {}
    if feedback:
        details["feedback"] = feedback
    if comment:
        details["comment"] = comment
    return details


def _read(found: stripe.Subscription) -> BillingSubscription:
    items = found.items.data
    customer = found.customer
    inherited = getattr(customer, "discount", None)
    intervals = {(i.price.recurring.interval, i.price.recurring.interval_count) for i in items if i.price.recurring}
    return BillingSubscription(
        id=found.id,
        status=found.status,
        cancel_at_period_end=found.cancel_at_period_end,
        cancel_at=_moment(found.cancel_at),
        ended_at=_moment(found.ended_at),
        current_period_start=datetime.fromtimestamp(min(i.current_period_start for i in items), UTC),
        current_period_end=datetime.fromtimestamp(min(i.current_period_end for i in items), UTC),
        billed_monthly=intervals == {("month", 1)},
        schedule_id=_id(found.schedule),
        discounts=tuple(Discount(_id(d) or "", _coupon_id(d)) for d in found.discounts),
        inherited_discount_id=inherited.id if inherited else None,
        stripe_request_id=found.last_response.request_id if found.last_response else None,
    )


def _moment(timestamp: int | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)


def _id(expandable: object) -> str | None:
    return expandable if isinstance(expandable, str) else getattr(expandable, "id", None)


def _coupon_id(discount: "str | stripe.Discount") -> str | None:
    return None if isinstance(discount, str) else _id(discount.source.coupon)


@contextmanager
def _our_errors(*, writing: bool) -> Iterator[None]:
    try:
        yield
    except stripe.StripeError as error:
        status, code = error.http_status or 0, _code(error)
        # The key of a call that was cut off is still in use: so that call is still under way.
        lost = isinstance(error, stripe.APIConnectionError) or status >= 500 or code == "idempotency_key_in_use"
        raise BillingFailed(
            _described(error),
            code=code,
            stripe_request_id=error.request_id,
            uncertain=writing and lost,
            answered=status >= 500,
        ) from None


def _described(error: stripe.StripeError) -> str:
    parts = [type(error).__name__, error.http_status, _code(error), getattr(error, "param", None), error.request_id]
    return "Stripe: " + " ".join(str(part) for part in parts if part)


def _code(error: stripe.StripeError) -> str | None:
    # Some of the SDK's classes leave `code` empty and keep it in the body only.
    return error.code or (error.error.code if error.error else None)
