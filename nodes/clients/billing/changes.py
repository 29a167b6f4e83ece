"""Stripe's calls that change a live subscription (FEATURES C28, C30, C31, F19, F20).

https://docs.stripe.com/billing/subscriptions/pause-payment, https://docs.stripe.com/api/subscription_schedules
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast

import stripe
from stripe.params import SubscriptionScheduleUpdateParamsPhase, SubscriptionUpdateParams

from nodes.clients.billing.calls import PAGE_SIZE, ask
from nodes.clients.billing.objects import BillingSubscription, read_subscription
from nodes.errors import BillingFailed
from nodes.rules.ways_to_stay import Collection

Proration = Literal["always_invoice", "none"]


@dataclass(frozen=True)
class RecurringPrice:
    """An active price that a subscription can change to; `amount` in minor units, None for tiers."""

    id: str
    lookup_key: str | None
    product_id: str
    currency: str
    amount: int | None
    interval: tuple[str, int]


class BillingChanges:
    """The calls of `Billing` that carry out offers, on its connections. Raises `BillingFailed`."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._stripe = client.v1

    async def pause(
        self, subscription_id: str, behavior: Collection, resumes_at: datetime, *, key: str
    ) -> BillingSubscription:
        """Pause payment collection until `resumes_at`, when Stripe resumes it by itself."""
        paused: SubscriptionUpdateParams = {
            "pause_collection": {"behavior": behavior, "resumes_at": seconds(resumes_at)}
        }
        return await self._update(subscription_id, paused, key)

    async def resume(self, subscription_id: str, *, key: str) -> BillingSubscription:
        """End a pause of payment collection now; the next invoice is made at the end of the period."""
        return await self._update(subscription_id, {"pause_collection": ""}, key)

    async def extend_trial(self, subscription_id: str, until: datetime, *, key: str) -> BillingSubscription:
        """Move the end of the trial, at which the first charge is made."""
        return await self._update(subscription_id, {"trial_end": seconds(until), "proration_behavior": "none"}, key)

    async def change_price(
        self, subscription_id: str, item_id: str, price_id: str, *, proration: Proration, as_of: datetime, key: str
    ) -> BillingSubscription:
        """Change the item to another price now, charging or crediting the rest of the period as of a time.

        A payment that fails is an error and changes nothing, so that no customer is left with a plan that isn't paid.
        """
        change: SubscriptionUpdateParams = {
            "items": [{"id": item_id, "price": price_id}],
            "proration_behavior": proration,
            "payment_behavior": "error_if_incomplete",
        }
        if proration != "none":
            change["proration_date"] = seconds(as_of)
        return await self._update(subscription_id, change, key)

    async def begin_schedule(self, subscription_id: str, *, key: str) -> str:
        """Put the subscription under a schedule that changes nothing yet; return the schedule's id."""
        made = await ask(
            lambda: self._stripe.subscription_schedules.create_async(
                {"from_subscription": subscription_id}, {"idempotency_key": key}
            ),
            writing=True,
        )
        return made.id

    async def schedule_price(
        self, schedule_id: str, billed: BillingSubscription, price_id: str, *, key: str
    ) -> str | None:
        """Change the schedule's item to another price at the end of the period; return the id of Stripe's request.

        Discounts are kept.
        """
        [item] = billed.items
        kept = {"discounts": [{"discount": each.id} for each in billed.discounts] or "", "proration_behavior": "none"}
        quantity = {} if item.quantity is None else {"quantity": item.quantity}
        period = {"start_date": seconds(billed.current_period_start), "end_date": seconds(billed.current_period_end)}
        phases = [
            {"items": [{"price": item.price.id, **quantity}], **kept, **period},
            {"items": [{"price": price_id, **quantity}], **kept},
        ]
        made = await ask(
            lambda: self._stripe.subscription_schedules.update_async(
                schedule_id,
                {"phases": cast("list[SubscriptionScheduleUpdateParamsPhase]", phases), "end_behavior": "release"},
                {"idempotency_key": key},
            ),
            writing=True,
        )
        return made.last_response.request_id if made.last_response else None

    async def time_of(self, billed: BillingSubscription) -> datetime:
        """Return the time by the subscription's own clock: its test clock's, or Stripe's when it was read."""
        if billed.test_clock is None:
            if billed.read_at is None:
                raise BillingFailed("Stripe's response had no Date header")
            return billed.read_at
        clock_id = billed.test_clock
        found = await ask(lambda: self._stripe.test_helpers.test_clocks.retrieve_async(clock_id), writing=False)
        return datetime.fromtimestamp(found.frozen_time, UTC)

    async def prices(self, names: Sequence[str]) -> list[RecurringPrice]:
        """Return the active recurring prices with these ids or lookup keys, in this order."""
        ids = [name for name in names if name.startswith("price_")]
        keys = [name for name in names if name not in ids]
        found = [await self._price(each) for each in ids]
        if keys:
            listed = await ask(
                lambda: self._stripe.prices.list_async({"lookup_keys": keys, "limit": PAGE_SIZE}), writing=False
            )
            found += listed.data
        usable = [each for each in map(_recurring, found) if each]
        return sorted(usable, key=lambda each: names.index(each.id if each.id in names else str(each.lookup_key)))

    async def _price(self, price_id: str) -> stripe.Price:
        return await ask(lambda: self._stripe.prices.retrieve_async(price_id), writing=False)

    async def _update(self, subscription_id: str, change: SubscriptionUpdateParams, key: str) -> BillingSubscription:
        return read_subscription(
            await ask(
                lambda: self._stripe.subscriptions.update_async(subscription_id, change, {"idempotency_key": key}),
                writing=True,
            )
        )


def seconds(at: datetime) -> int:
    """Return Unix seconds."""
    return int(at.timestamp())


def _recurring(found: stripe.Price) -> RecurringPrice | None:
    recurring = found.recurring
    if recurring is None or not found.active:
        return None
    product = found.product if isinstance(found.product, str) else found.product.id
    return RecurringPrice(
        found.id,
        found.lookup_key,
        product,
        found.currency,
        found.unit_amount,
        (recurring.interval, recurring.interval_count),
    )
