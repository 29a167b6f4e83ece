"""Stripe client that reads customers and subscriptions for the `users` and `subscriptions` tables.

https://docs.stripe.com/api/customers, https://docs.stripe.com/api/pagination
"""

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import stripe

from nodes.clients.billing.calls import PAGE_SIZE, our_errors, retry_after
from nodes.clients.billing.objects import BillingSubscription, read_subscription
from nodes.errors import BillingFailed
from nodes.rules.user_ids import user_id_of
from nodes.settings import BillingSettings

# A page of a hundred subscriptions with their customers takes Stripe one to two seconds.
TIMEOUT_SECONDS = 30.0
# Every call is a GET, so a retry is safe. The SDK waits up to 5 s before each one.
NETWORK_RETRIES = 4
# These leave most of Stripe's limit to the company's own calls: 100 a second in live mode, 25 in test mode
# (https://docs.stripe.com/rate-limits).
LIVE_CALLS_A_SECOND = 20.0
TEST_CALLS_A_SECOND = 10.0
# Pauses after a 429: at least as long as Stripe asks for, increasing, two minutes in all.
PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
MISSING = "resource_missing"

T = TypeVar("T")
Found = dict[str, Any]  # a Stripe object as JSON

# The fields that `read_subscription` reads, besides the items and the customer's id.
_READ = (
    "id",
    "status",
    "cancel_at_period_end",
    "cancel_at",
    "ended_at",
    "canceled_at",
    "cancellation_details",
    "collection_method",
    "discounts",
    "schedule",
    "test_clock",
    "currency",
    "pause_collection",
    "trial_end",
    "billing_cycle_anchor",
    "metadata",
)
# PostgreSQL text can store neither NUL nor surrogates.
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True)
class Customer:
    """A Stripe customer, with the fields of a `users` row. Personal data: store it only in that row.

    `user_id` comes from the metadata; None where it is absent, or where it is not a valid user id: `misnamed`.
    `phone` is not stored anywhere: it is read when a call is made.
    """

    id: str
    created_at: datetime
    email: str | None
    name: str | None
    locale: str | None
    country: str | None
    phone: str | None
    user_id: str | None
    misnamed: bool


@dataclass(frozen=True)
class CustomersSubscription:
    """A subscription and its customer; `customer.user_id` is from the subscription's metadata, else the customer's."""

    billed: BillingSubscription
    customer: Customer
    created_at: datetime


@dataclass(frozen=True)
class Page(Generic[T]):
    """A page of a list, newest first; the next page starts after `next`, which is None on the last page."""

    found: tuple[T, ...]
    next: str | None


class BillingCustomers:
    """An async Stripe client that lives as long as the process.

    It reads the JSON directly: the SDK creates some 25 objects per subscription and customer, half a second per page.
    """

    def __init__(self, settings: BillingSettings) -> None:
        key = settings.stripe_api_key.get_secret_value()
        self._user_key = settings.stripe_user_key
        self._pace = _Pace(LIVE_CALLS_A_SECOND if "_live_" in key else TEST_CALLS_A_SECOND)
        self._http = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS)
        self._stripe = stripe.StripeClient(
            key,
            base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
            http_client=self._http,
            max_network_retries=NETWORK_RETRIES,
        )

    async def customer(self, customer_id: str, *, seconds: float | None = None) -> Customer | None:
        """Return the customer's current state in Stripe; None where it was deleted or is unknown.

        `seconds`: the limit of the whole call, retries and pauses included.
        """
        with our_errors(writing=False):
            async with asyncio.timeout(seconds):
                found = await self._find(f"/v1/customers/{customer_id}")
        return self._read(found) if found and not found.get("deleted") else None

    async def subscription(self, subscription_id: str) -> CustomersSubscription | None:
        """Return the subscription's current state in Stripe; None where it is unknown or its customer was deleted."""
        found = await self._find(f"/v1/subscriptions/{subscription_id}", expand=["customer"])
        return self._read_subscription(found) if found else None

    async def customers_after(self, after: str | None) -> Page[Customer]:
        """Return a page of the customers, without deleted ones."""
        found = await self._list("/v1/customers", after)
        return Page(tuple(map(self._read, found["data"])), _next(found))

    async def subscriptions_after(self, after: str | None, *, ended: bool) -> Page[CustomersSubscription]:
        """Return a page of the ended subscriptions, or of those that are not canceled."""
        which = {"status": "ended"} if ended else {}
        found = await self._list("/v1/subscriptions", after, expand=["data.customer"], **which)
        return Page(tuple(each for each in map(self._read_subscription, found["data"]) if each), _next(found))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _find(self, path: str, **params: Any) -> Found | None:
        try:
            return await self._get(path, **params)
        except BillingFailed as error:
            if error.code == MISSING:
                return None
            raise

    async def _list(self, path: str, after: str | None, **params: Any) -> Found:
        return await self._get(path, limit=PAGE_SIZE, **({"starting_after": after} if after else {}), **params)

    async def _get(self, path: str, **params: Any) -> Found:
        """Send a GET at the permitted rate, and retry after a pause where Stripe responds 429."""
        for pause in PAUSES_SECONDS:
            await self._pace.turn()
            try:
                return await self._ask(path, params)
            except BillingFailed as error:
                if not isinstance(limited := error.__context__, stripe.RateLimitError):
                    raise
                await asyncio.sleep(max(pause, retry_after(limited)))
        return await self._ask(path, params)

    async def _ask(self, path: str, params: Found) -> Found:
        with our_errors(writing=False):
            response = await self._stripe.raw_request_async("get", path, **params)
        found: Found = response.data
        return found

    def _read(self, found: Found) -> Customer:
        named = found["metadata"].get(self._user_key)
        locales = found["preferred_locales"] or [None]
        country = (found["address"] or {}).get("country")
        return Customer(
            id=found["id"],
            created_at=datetime.fromtimestamp(found["created"], UTC),
            email=_storable(found["email"]),
            name=_storable(found["name"]),
            locale=_storable(locales[0]),
            country=country if country and _COUNTRY.fullmatch(country) else None,
            phone=found.get("phone"),
            user_id=user_id_of(named),
            misnamed=named is not None and user_id_of(named) is None,
        )

    def _read_subscription(self, found: Found) -> CustomersSubscription | None:
        if found["customer"].get("deleted"):
            return None
        customer, named = self._read(found["customer"]), found["metadata"].get(self._user_key)
        if named is not None:
            user_id = user_id_of(named)
            customer = replace(customer, user_id=user_id or customer.user_id, misnamed=user_id is None)
        created_at = datetime.fromtimestamp(found["created"], UTC)
        return CustomersSubscription(read_subscription(_without_the_rest(found)), customer, created_at)


def _without_the_rest(found: Found) -> stripe.Subscription:
    """Return the SDK's object with only the fields that `read_subscription` reads."""
    items = [
        {
            "id": item["id"],
            "current_period_start": item["current_period_start"],
            "current_period_end": item["current_period_end"],
            "price": {name: item["price"][name] for name in ("id", "product", "lookup_key", "recurring")},
        }
        for item in found["items"]["data"]
    ]
    kept = {name: found[name] for name in _READ} | {"customer": found["customer"]["id"], "items": {"data": items}}
    return stripe.Subscription.construct_from(kept, None)


def _next(found: Found) -> str | None:
    return str(found["data"][-1]["id"]) if found["has_more"] else None


class _Pace:
    """A rate limiter for the start of calls."""

    def __init__(self, a_second: float) -> None:
        self._seconds = 1 / a_second
        self._next = 0.0

    async def turn(self) -> None:
        """Return once the next call may begin."""
        now = asyncio.get_running_loop().time()
        begins, self._next = max(now, self._next), max(now, self._next) + self._seconds
        await asyncio.sleep(begins - now)


def _storable(text: str | None) -> str | None:
    return _NOT_STORABLE.sub("", text) or None if text else None
