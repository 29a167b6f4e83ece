"""Stripe, as far as leaving and staying need it (https://docs.stripe.com/api/subscriptions).

Every write takes an idempotency key made of request and step (`{request_id}:6B`), so that repeating a step repeats
nothing in Stripe. Errors leave here as `BillingFailed`, without Stripe's message: that may quote what we sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import stripe
from stripe import RequestOptions
from stripe.params import (
    CouponCreateParams,
    CreditNoteCreateParams,
    InvoiceListParams,
    SubscriptionListParams,
    SubscriptionUpdateParams,
    SubscriptionUpdateParamsCancellationDetails,
    SubscriptionUpdateParamsDiscount,
)

from nodes.errors import BillingFailed
from nodes.rules.offers import RetentionOffer
from nodes.rules.statuses import is_pending
from nodes.settings import BillingSettings

T = TypeVar("T")

# One try. A write at Stripe takes up to about 2 s.
TIMEOUT_SECONDS = 2.5
# The SDK repeats what may pass (connection lost, 409 of a lock, 5xx) under the same idempotency key; not a 4xx.
NETWORK_RETRIES = 1
# What a call may take in all, its repetitions and Stripe's own Retry-After included. The customer is answered after
# 8 s at the latest: a look that fails is told after 3 s; a write that fails, after a quick look and with a glance at
# what became of it, after 7 s; and whatever is slower goes on behind a 202.
READ_SECONDS = 3.0
WRITE_SECONDS = 5.5
GLANCE_SECONDS = 1.0
CHECK_SECONDS = 2.0
PAGE_SIZE = 100  # Stripe's largest


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
    canceled_at: datetime | None = None  # when it was decided, which is before it ends
    price_ids: tuple[str, ...] = ()
    feedback: str | None = None  # why, as one of Stripe's codes; the customer's own words are `parting_words`
    end_reason: str | None = None  # cancellation_requested, payment_failed, payment_disputed, or a word yet to come
    stripe_request_id: str | None = None  # req_… of the call that answered this

    @property
    def pending(self) -> bool:
        """Whether it already has its end, by either sign."""
        return is_pending(cancel_at_period_end=self.cancel_at_period_end, cancel_at=self.cancel_at)

    def discount_of(self, coupon_id: str) -> Discount | None:
        """The discount that this coupon gave, if it did."""
        return next((d for d in self.discounts if d.coupon_id == coupon_id), None)


@dataclass(frozen=True)
class Page:
    """Some of many subscriptions; the next page begins after `next`, and there is none where it is None."""

    subscriptions: tuple[BillingSubscription, ...]
    next: str | None


@dataclass(frozen=True)
class Renewal:
    """An invoice that a subscription's renewal made. Money in minor units of its currency."""

    invoice_id: str
    status: str | None  # draft, open, paid, uncollectible or void
    left_to_refund: int


@dataclass(frozen=True)
class PaidInvoice:
    """What was really paid: after discounts, less what was given back. Money in minor units of its currency."""

    invoice_id: str
    currency: str
    amount_paid: int
    created_at: datetime
    paid_at: datetime


@dataclass(frozen=True)
class PaidInvoices:
    """Some of many; the next page begins after `next`, and there is none where it is None."""

    invoices: tuple[PaidInvoice, ...]
    next: str | None


class Billing:
    """One async client for the life of a process."""

    def __init__(self, settings: BillingSettings) -> None:
        self._livemode = "_live_" in settings.stripe_api_key.get_secret_value()
        self._http = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS)
        self._stripe = stripe.StripeClient(
            settings.stripe_api_key.get_secret_value(),
            base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
            http_client=self._http,
            max_network_retries=NETWORK_RETRIES,
        ).v1

    @property
    def livemode(self) -> bool:
        """Whether real money moves."""
        return self._livemode

    async def subscription(self, subscription_id: str) -> BillingSubscription:
        """What Stripe says of it now. A GET, so repeating it is free."""
        return _read(
            await _ask(
                lambda: self._stripe.subscriptions.retrieve_async(subscription_id, {"expand": _EXPANDED}), writing=False
            )
        )

    async def live_subscriptions(self, after: str | None) -> Page:
        """A page of those that have not ended, the newest first; without their customers' discounts."""
        params: SubscriptionListParams = {"limit": PAGE_SIZE}
        if after is not None:
            params["starting_after"] = after
        found = await _ask(lambda: self._stripe.subscriptions.list_async(params), writing=False, seconds=WRITE_SECONDS)
        return Page(tuple(map(_read, found.data)), found.data[-1].id if found.has_more else None)

    async def glance(self, subscription_id: str) -> BillingSubscription | None:
        """What Stripe says of it, if it says so at once: to settle a lost answer inside the customer's deadline."""
        once: RequestOptions = {"max_network_retries": 0}
        try:
            return _read(
                await _ask(
                    lambda: self._stripe.subscriptions.retrieve_async(subscription_id, {"expand": _EXPANDED}, once),
                    writing=False,
                    seconds=GLANCE_SECONDS,
                )
            )
        except BillingFailed:
            return None

    async def release_schedule(self, schedule_id: str, *, key: str) -> None:
        """Let a subscription go from its schedule, which otherwise refuses the cancellation."""
        await _ask(
            lambda: self._stripe.subscription_schedules.release_async(schedule_id, {}, {"idempotency_key": key}),
            writing=True,
        )

    async def cancel_at_period_end(
        self, subscription_id: str, *, feedback: str | None, comment: str | None, key: str
    ) -> BillingSubscription:
        """Schedule the end for when the paid period is over. The customer keeps what they paid for."""
        details = _cancellation_details(feedback, comment)
        return await self._update(subscription_id, {"cancel_at_period_end": True, "cancellation_details": details}, key)

    async def take_back_cancellation(self, subscription: BillingSubscription, *, key: str) -> BillingSubscription:
        """Clear the sign that is set, and only that one: Stripe refuses both at once. Discounts stay as they are."""
        if subscription.cancel_at_period_end:
            return await self._update(subscription.id, {"cancel_at_period_end": False}, key)
        return await self._update(subscription.id, {"cancel_at": ""}, key)

    async def parting_words(self, subscription_id: str) -> str | None:
        """What the customer wrote when they cancelled in Stripe's portal. Personal: it goes into its row alone."""
        found = await _ask(lambda: self._stripe.subscriptions.retrieve_async(subscription_id), writing=False)
        return found.cancellation_details.comment if found.cancellation_details else None

    async def cancel_now(
        self, subscription_id: str, *, feedback: str | None, comment: str | None
    ) -> BillingSubscription:
        """End it at once. Stripe's DELETE ignores idempotency keys; a second one is refused, so read before."""
        details = _cancellation_details(feedback, comment)
        try:
            canceled = await _ask(
                lambda: self._stripe.subscriptions.cancel_async(
                    subscription_id, {"cancellation_details": details, "expand": _EXPANDED}
                ),
                writing=True,
            )
        except BillingFailed as error:
            # The SDK repeats a call whose answer was lost, and the repeat finds nothing left to end.
            error.uncertain = error.uncertain or error.code == "resource_missing"
            raise
        return _read(canceled)

    async def renewals_since(self, subscription_id: str, moment: datetime) -> list[Renewal]:
        """What the subscription was charged for new periods since then; a handful, for it is asked within months."""
        params: InvoiceListParams = {"subscription": subscription_id, "created": {"gte": int(moment.timestamp())}}
        found = await _ask(lambda: self._stripe.invoices.list_async({**params, "limit": 100}), writing=False)
        return [
            Renewal(i.id, i.status, i.amount_paid - i.post_payment_credit_notes_amount)
            for i in found.data
            if i.billing_reason == "subscription_cycle"
        ]

    async def paid_invoices(self, subscription_id: str, since: datetime, after: str | None) -> PaidInvoices:
        """A page of the subscription's invoices that were made since then and are paid, the newest first."""
        params: InvoiceListParams = {
            "subscription": subscription_id,
            "status": "paid",
            "created": {"gte": int(since.timestamp())},
            "limit": PAGE_SIZE,
        }
        if after is not None:
            params["starting_after"] = after
        found = await _ask(lambda: self._stripe.invoices.list_async(params), writing=False, seconds=WRITE_SECONDS)
        return PaidInvoices(tuple(map(_paid, found.data)), found.data[-1].id if found.has_more else None)

    async def undo_renewal(self, renewal: Renewal, *, key: str) -> None:
        """Void an open invoice, refund a paid one by a credit note; one that is void or refunded stays as it is."""
        options: RequestOptions = {"idempotency_key": key}
        if renewal.status in ("open", "uncollectible"):
            await _ask(lambda: self._stripe.invoices.void_invoice_async(renewal.invoice_id, {}, options), writing=True)
        elif renewal.status == "paid" and renewal.left_to_refund > 0:
            note: CreditNoteCreateParams = {
                "invoice": renewal.invoice_id,
                "amount": renewal.left_to_refund,
                "refund_amount": renewal.left_to_refund,
                "reason": "order_change",
                "memo": "Renewed after the customer had asked to cancel",
            }
            await _ask(lambda: self._stripe.credit_notes.create_async(note, options), writing=True)

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
        once: RequestOptions = {"max_network_retries": 0}
        await _ask(lambda: self._stripe.balance.retrieve_async({}, once), writing=False, seconds=CHECK_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _update(self, subscription_id: str, change: SubscriptionUpdateParams, key: str) -> BillingSubscription:
        change["expand"] = _EXPANDED
        return _read(
            await _ask(
                lambda: self._stripe.subscriptions.update_async(subscription_id, change, {"idempotency_key": key}),
                writing=True,
            )
        )

    async def _existing_coupon(self, coupon_id: str) -> stripe.Coupon | None:
        try:
            return await _ask(lambda: self._stripe.coupons.retrieve_async(coupon_id), writing=False)
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
            return await _ask(
                lambda: self._stripe.coupons.create_async(terms, {"idempotency_key": key}),
                writing=False,
                seconds=WRITE_SECONDS,
            )
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
        canceled_at=_moment(found.canceled_at),
        price_ids=tuple(i.price.id for i in items),
        feedback=found.cancellation_details.feedback if found.cancellation_details else None,
        end_reason=found.cancellation_details.reason if found.cancellation_details else None,
        stripe_request_id=found.last_response.request_id if found.last_response else None,
    )


def _paid(found: stripe.Invoice) -> PaidInvoice:
    created = datetime.fromtimestamp(found.created, UTC)
    given_back = found.post_payment_credit_notes_amount
    paid_at = _moment(found.status_transitions.paid_at)
    return PaidInvoice(found.id, found.currency, found.amount_paid - given_back, created, paid_at or created)


def _moment(timestamp: int | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)


def _id(expandable: object) -> str | None:
    return expandable if isinstance(expandable, str) else getattr(expandable, "id", None)


def _coupon_id(discount: "str | stripe.Discount") -> str | None:
    return None if isinstance(discount, str) else _id(discount.source.coupon)


async def _ask(call: Callable[[], Awaitable[T]], *, writing: bool, seconds: float | None = None) -> T:
    """One call within its seconds. Where Stripe has too much to do and says for how long, we wait that once."""
    seconds = seconds or (WRITE_SECONDS if writing else READ_SECONDS)
    with _our_errors(writing=writing):
        async with asyncio.timeout(seconds):
            try:
                return await call()
            except stripe.RateLimitError as limited:
                pause = _retry_after(limited)
                if pause > seconds / 2:
                    raise
                await asyncio.sleep(pause)  # refused before it was begun, so the same key serves
                return await call()


def _retry_after(limited: stripe.RateLimitError) -> float:
    try:
        return float((limited.headers or {}).get("retry-after", 1.0))
    except ValueError:  # a date, which Stripe does not send
        return float("inf")


@contextmanager
def _our_errors(*, writing: bool) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise BillingFailed("Stripe did not answer in time", uncertain=writing) from None
    except stripe.StripeError as error:
        status, code = error.http_status or 0, _code(error)
        # The key of a call that was cut off is still in use: so that call is still under way.
        lost = isinstance(error, stripe.APIConnectionError) or code == "idempotency_key_in_use"
        raise BillingFailed(
            _described(error),
            code=code,
            stripe_request_id=error.request_id,
            uncertain=writing and (lost or status >= 500),
            answered=status >= 400 and status != 429 and not lost,
        ) from None


def _described(error: stripe.StripeError) -> str:
    parts = [type(error).__name__, error.http_status, _code(error), getattr(error, "param", None), error.request_id]
    return "Stripe: " + " ".join(str(part) for part in parts if part)


def _code(error: stripe.StripeError) -> str | None:
    # Some of the SDK's classes leave `code` empty and keep it in the body only.
    return error.code or (error.error.code if error.error else None)
