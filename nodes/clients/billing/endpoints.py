"""The webhook endpoint in Stripe that sends to cancelflow (https://docs.stripe.com/api/webhook_endpoints)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import stripe
from stripe.params import WebhookEndpointCreateParams, WebhookEndpointUpdateParams

from nodes.clients.billing.calls import PAGE_SIZE, WRITE_SECONDS, ask

EVERY_EVENT = "*"


@dataclass(frozen=True)
class Endpoint:
    """A webhook endpoint in Stripe. `api_version`: None where it follows the account's default, which may change."""

    id: str
    enabled: bool
    events: frozenset[str]
    api_version: str | None

    def missing(self, wanted: Sequence[str]) -> list[str]:
        """Return the wanted events that the endpoint is not subscribed to."""
        return [] if EVERY_EVENT in self.events else [event for event in wanted if event not in self.events]


class BillingEndpoints:
    """The webhook endpoint calls of `BillingSetup`, on its connections."""

    def __init__(self, endpoints: stripe.WebhookEndpointService) -> None:
        self._endpoints = endpoints

    async def at(self, url: str) -> list[Endpoint]:
        """Return the endpoints with this URL. An account has 16 at most, which fit on one page."""
        found = await ask(
            lambda: self._endpoints.list_async({"limit": PAGE_SIZE}), writing=False, seconds=WRITE_SECONDS
        )
        return [
            Endpoint(each.id, each.status == "enabled", frozenset(each.enabled_events), each.api_version)
            for each in found.data
            if each.url.rstrip("/") == url
        ]

    # The writes use the SDK's idempotency key, a new one per call: for a day, a fixed key would return an endpoint even
    # if it has since been deleted.

    async def create(self, url: str, events: Sequence[str]) -> str:
        """Create the endpoint for the SDK's API version; return its signing secret, which Stripe shows only now."""
        enabled: Any = list(events)  # the SDK's type is a closed list, and Stripe has more events
        version: Any = stripe.api_version
        params: WebhookEndpointCreateParams = {
            "url": url,
            "enabled_events": enabled,
            "api_version": version,
            "description": "cancelflow",
        }
        made = await ask(lambda: self._endpoints.create_async(params), writing=True)
        if made.secret is None:
            raise TypeError("Stripe made an endpoint without a secret")
        return made.secret

    async def correct(self, endpoint: Endpoint, events: Sequence[str]) -> None:
        """Enable the endpoint and add its missing events; its other events, secret and API version are kept."""
        params: WebhookEndpointUpdateParams = {"disabled": False}
        if missing := endpoint.missing(events):
            enabled: Any = sorted({*endpoint.events, *missing})
            params["enabled_events"] = enabled
        await ask(lambda: self._endpoints.update_async(endpoint.id, params), writing=True)

    async def disable(self, endpoint: Endpoint) -> None:
        """Disable the endpoint; it can be enabled again in the Dashboard."""
        await ask(lambda: self._endpoints.update_async(endpoint.id, {"disabled": True}), writing=True)
