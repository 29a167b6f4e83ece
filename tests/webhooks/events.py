"""Stripe's events: those about a subscription, sending one, and waiting until all are handled."""

import os
from typing import Any

import httpx
import stripe

from tests.waiting import eventually
from tests.world import Person, Row, World

ENDPOINT = "/webhooks/stripe"
SUBSCRIPTION_EVENTS = "customer.subscription."
WITHIN = 300.0


def secret() -> str:
    """Return the first valid secret."""
    return os.environ["STRIPE_WEBHOOK_SECRETS"].split(",")[0]


def order(world: World, what: str, **given: Any) -> Row:
    """Carry out a change in Stripe without a call to its API: portal, dashboard, end, settings."""
    response = httpx.post(f"{world.addresses['stripe']}/_simulator/{what}", json=given, timeout=20)
    assert response.status_code < 300, response.text
    done: Row = response.json()
    return done


def events_about(
    world: World, subscription_id: str, kind: str = SUBSCRIPTION_EVENTS, *, of_the_last: int = 100
) -> list[stripe.Event]:
    """Return Stripe's events about the subscription, oldest first."""
    found = world.stripe.events.list({"limit": of_the_last}).data
    mine = [e for e in found if e.type.startswith(kind) and e.data.object["id"] == subscription_id]
    return mine[::-1]


def envelope(world: World, event_id: str, **given: Any) -> tuple[dict[str, str], bytes]:
    """Return headers and body, exactly as Stripe would send them."""
    signed = order(world, "webhooks/signed", **{"event": event_id, "secret": secret(), **given})
    return signed["headers"], signed["body"].encode()


def deliver(world: World, event_id: str, **given: Any) -> httpx.Response:
    headers, body = envelope(world, event_id, **given)
    return world.http.post(ENDPOINT, content=body, headers=headers)


def inbox(world: World, person: Person) -> list[Row]:
    """Return the stored events that may have effects, without those that only update copies of Stripe's objects."""
    return world.rows(
        """SELECT * FROM stripe_events WHERE subscription_id = ANY(%s) AND NOT only_copies(change)
        ORDER BY received_at, id""",
        person.subscription_ids,
    )


def settled(world: World, person: Person, *, events: int = 0) -> list[Row]:
    """Return the stored events when there are at least so many and all of them have been processed."""

    # Unfinished work is queried before the inbox, so that no returned event can still be in progress.
    def look() -> list[Row] | None:
        left = world.rows(
            """SELECT 1 FROM requests WHERE user_id = %s AND resume_at IS NOT NULL
            UNION ALL SELECT 1 FROM outbox WHERE user_id = %s AND delivered_at IS NULL AND NOT refused""",
            *[person.user_id] * 2,
        )
        found = inbox(world, person)
        under_way = [row for row in found if row["resume_at"] is not None]
        return found if len(found) >= events and not left and not under_way else None

    found = eventually(look, within=WITHIN)
    assert found is not None
    return found
