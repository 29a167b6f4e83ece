"""Setup checks for the company's Stripe account: API key, permissions, clock, webhook endpoint and prices.

No customer data is read. A write permission is probed with an object that doesn't exist, so Stripe refuses the write
either way: with 403 without the permission, with 400 or 404 with it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import stripe

from nodes.clients.billing.calls import PAGE_SIZE, ask, together
from nodes.clients.billing.endpoints import BillingEndpoints
from nodes.clients.billing.prices import BillingPrices
from nodes.errors import CancelflowError
from nodes.settings import BillingSettings

# For one attempt; an operator is waiting.
TIMEOUT_SECONDS = 5.0
# The SDK retries transient errors, and gives each POST its own idempotency key for that.
NETWORK_RETRIES = 1
API_VERSION = stripe.api_version
# Stripe's Date header is truncated to whole seconds, so it lags by half a second on average.
_DATE_IS_BEHIND = timedelta(seconds=0.5)


class KeyUnknown(CancelflowError):
    """Stripe doesn't recognise the key: it is mistyped, revoked or belongs to another account."""


@dataclass(frozen=True)
class Account:
    """The Stripe account that the key belongs to, with its display name."""

    id: str
    name: str | None


@dataclass(frozen=True)
class Permission:
    """A permission that the key must have. `resource`: as Stripe's Dashboard lists it for a restricted key."""

    resource: str
    level: Literal["read", "write"]
    needed_for: str
    path: str
    parameters: tuple[tuple[str, Any], ...] = ()
    optional: bool = False


_ONE = (("limit", 1),)
PERMISSIONS = (
    Permission("Balance", "read", "the readiness probe", "/v1/balance"),
    Permission("Customers", "read", "the import and discounts", "/v1/customers", _ONE),
    Permission("Products", "read", "this check of the catalogue", "/v1/products", _ONE),
    Permission("Prices", "read", "this check of the catalogue", "/v1/prices", _ONE),
    Permission("Subscriptions", "read", "every cancellation", "/v1/subscriptions", _ONE),
    Permission("Subscriptions", "write", "every cancellation", "/v1/subscriptions/sub_cancelflow_doctor"),
    Permission("Invoices", "read", "unpaid invoices and renewals", "/v1/invoices", _ONE),
    Permission("Invoices", "write", "voiding an unpaid invoice", "/v1/invoices/in_cancelflow_doctor/void"),
    Permission("Credit notes", "write", "refunding a renewal", "/v1/credit_notes/cn_cancelflow_doctor"),
    Permission("Charges and Refunds", "read", "refunds of immediate cancellations", "/v1/refunds", _ONE, optional=True),
    Permission("Coupons", "write", "retention offers", "/v1/coupons/cancelflow-doctor"),
    Permission("Webhook endpoints", "read", "this check of the endpoint", "/v1/webhook_endpoints", _ONE),
    Permission(
        "Webhook endpoints", "write", "doctor --fix", "/v1/webhook_endpoints/we_cancelflow_doctor", optional=True
    ),
)


class BillingSetup:
    """An async Stripe client that lives as long as the check runs."""

    def __init__(self, settings: BillingSettings) -> None:
        self._http = stripe.HTTPXClient(timeout=TIMEOUT_SECONDS)
        self._client = stripe.StripeClient(
            settings.stripe_api_key.get_secret_value(),
            base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
            http_client=self._http,
            max_network_retries=NETWORK_RETRIES,
        )
        self.endpoints = BillingEndpoints(self._client.v1.webhook_endpoints)
        self.prices = BillingPrices(self._client.v1.prices, self._client.v1.products)

    async def account(self) -> Account | None:
        """Return the key's account; None where a restricted key may not read it. Raises `KeyUnknown`."""
        found = await ask(self._account, writing=False, seconds=TIMEOUT_SECONDS)
        if found is None:
            return None
        shown = found.settings.dashboard.display_name if found.settings and found.settings.dashboard else None
        return Account(found.id, shown)

    async def lacking(self) -> list[Permission]:
        """Return the permissions that the key lacks."""
        allowed = await together(*(self._allows(each) for each in PERMISSIONS))
        return [each for each, is_allowed in zip(PERMISSIONS, allowed, strict=True) if not is_allowed]

    async def feedback_options(self) -> dict[str, str]:
        """Return the status of each of the account's feedback options, `active` or `inactive`, by id."""

        async def all_statuses() -> dict[str, str]:
            found = await self._client.v1.billing.feedback_options.list_async({"limit": PAGE_SIZE})
            return {each.id: each.status async for each in found.auto_paging_iter()}

        return await ask(all_statuses, writing=False, seconds=TIMEOUT_SECONDS)

    async def time(self) -> datetime:
        """Return the time by Stripe's clock, accurate to half a second, even where the key has no read permission."""

        async def date() -> str:
            try:
                return str((await self._client.raw_request_async("get", "/v1/balance")).headers["date"])
            except stripe.PermissionError as error:
                return str((error.headers or {})["date"])

        found = await ask(date, writing=False, seconds=TIMEOUT_SECONDS)
        return parsedate_to_datetime(found) + _DATE_IS_BEHIND

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def _account(self) -> stripe.Account | None:
        try:
            return await self._client.v1.accounts.retrieve_current_async()
        except stripe.PermissionError:
            return None
        except stripe.AuthenticationError:
            raise KeyUnknown("Stripe does not know this key") from None

    async def _allows(self, permission: Permission) -> bool:
        method = "get" if permission.level == "read" else "post"

        async def tried() -> bool:
            try:
                await self._client.raw_request_async(method, permission.path, **dict(permission.parameters))
            except stripe.PermissionError:
                return False
            except stripe.InvalidRequestError:
                return True  # The key is allowed; only the object doesn't exist.
            return True

        return await ask(tried, writing=False, seconds=TIMEOUT_SECONDS)
