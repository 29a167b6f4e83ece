"""Stripe's webhook endpoint that sends to us (https://docs.stripe.com/api/webhook_endpoints)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import stripe
from stripe.params import WebhookEndpointCreateParams, WebhookEndpointUpdateParams

from nodes.clients.billing_calls import PAGE_SIZE, WRITE_SECONDS, ask

EVERY_EVENT = "*"


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as Stripe has it. `api_version`: None where it follows the account's default, which may change."""

    id: str
    enabled: bool
    events: frozenset[str]
    api_version: str | None

    def missing(self, wanted: Sequence[str]) -> list[str]:
        """Return which of these events it isn't sent."""
        return [] if EVERY_EVENT in self.events else [event for event in wanted if event not in self.events]


class BillingEndpoints:
    """Part of `BillingSetup`, on its connections."""

    def __init__(self, endpoints: stripe.WebhookEndpointService) -> None:
        self._endpoints = endpoints

    async def at(self, url: str) -> list[Endpoint]:
        """Return the endpoints with this address. An account has 16 at most, which is one page."""
        found = await ask(
            lambda: self._endpoints.list_async({"limit": PAGE_SIZE}), writing=False, seconds=WRITE_SECONDS
        )
        return [
            Endpoint(each.id, each.status == "enabled", frozenset(each.enabled_events), each.api_version)
            for each in found.data
            if each.url.rstrip("/") == url
        ]

    # The writes take the SDK's own idempotency key, one a call: a fixed one would bring back, within a day, an endpoint
    # that was deleted since.

    async def create(self, url: str, events: Sequence[str]) -> str:
        """Make the endpoint for the SDK's API version; returns its signing secret, which Stripe shows this once."""
        enabled: Any = list(events)  # the SDK's type lists every name, and Stripe has more
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
        """Enable it, and add the events that it lacks; it keeps the others, its secret and its API version."""
        params: WebhookEndpointUpdateParams = {"disabled": False}
        if missing := endpoint.missing(events):
            enabled: Any = sorted({*endpoint.events, *missing})
            params["enabled_events"] = enabled
        await ask(lambda: self._endpoints.update_async(endpoint.id, params), writing=True)

    async def disable(self, endpoint: Endpoint) -> None:
        """Stop Stripe from sending to it; it can be enabled again in the Dashboard."""
        await ask(lambda: self._endpoints.update_async(endpoint.id, {"disabled": True}), writing=True)
