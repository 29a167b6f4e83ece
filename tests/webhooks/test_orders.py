"""Any order of one subscription's events, each delivered twice, leads to the same state: FEATURES N01, N02."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import pytest

from tests.acceptance.subscribers import clock, subscriber
from tests.reactivation.people import in_stripe
from tests.waiting import eventually
from tests.webhooks.events import deliver, events_about, order, settled
from tests.world import Person, World

pytestmark = pytest.mark.slow

DAY = 24 * 3600
KINDS = ["updated", "updated", "updated", "updated", "deleted"]  # cancelled, reason, undone, cancelled again, ended
CONCURRENCY = 8


def life(world: World) -> tuple[Person, list[str]]:
    """Create a customer who cancelled twice and whose plan ended, all in Stripe; return the events too."""
    on = clock(world)
    person = subscriber(world, on=on)
    order(world, "portal", subscription=person.subscription_id, action="cancel", feedback="unused", comment="At first.")
    order(world, "portal", subscription=person.subscription_id, action="undo")
    order(world, "portal", subscription=person.subscription_id, action="cancel")
    ends = in_stripe(world, person).cancel_at
    assert ends is not None
    on.advance(ends + 60)
    events = [e for e in events_about(world, person.subscription_id, of_the_last=12) if not e.type.endswith("created")]
    assert [event.type.rpartition(".")[2] for event in events] == KINDS
    return person, [event.id for event in events]


def lived(world: World, orders: list[Any]) -> Iterator[tuple[Person, list[str]]]:
    for of_these in orders:
        person, events = life(world)
        yield person, [events[index] for index in of_these]


def state(world: World, person: Person) -> dict[str, Any]:
    """Return the final state, without ids and times that differ between customers."""
    user = person.user_id
    row = world.row("SELECT *, ended_at = cancel_at AS on_time FROM subscriptions WHERE user_id = %s", user)
    job = world.row("SELECT * FROM data_retention_jobs WHERE user_id = %s AND status = 'scheduled'", user)
    return {
        "row": (row["status"], row["on_time"]),
        "job": job["cancel_at"] == row["ended_at"],
        "ends": [end["kind"] for end in world.rows("SELECT kind FROM subscription_ends WHERE user_id = %s", user)],
        "requests": world.rows("SELECT origin, outcome, reason FROM cancellation_requests WHERE user_id = %s", user),
        "reactivations": world.rows("SELECT outcome FROM reactivation_requests WHERE user_id = %s", user),
        "reasons": world.rows("SELECT category, feedback FROM cancellation_reasons WHERE user_id = %s", user),
        "outbox": world.rows("SELECT kind, refused FROM outbox WHERE user_id = %s ORDER BY kind", user),
        "emails": [email["subject"] for email in world.emails(person)],
    }


def test_every_order_of_events_leads_to_the_same_state(world: World) -> None:
    orders = list(permutations(range(len(KINDS))))
    with world.simulator.losing_webhooks():
        lives = list(lived(world, orders))
    with ThreadPoolExecutor(CONCURRENCY) as threads:
        list(threads.map(lambda one: [deliver(world, event) for event in [*one[1], *reversed(one[1])]], lives))
    eventually(
        lambda: not world.rows("SELECT FROM stripe_events WHERE resume_at IS NOT NULL LIMIT 1"), within=600, every=0.5
    )

    states = []
    for person, _ in lives:
        assert len(settled(world, person)) == len(KINDS)
        states.append(state(world, person))

    assert [each for each in states if each != states[0]] == []
    assert states[0]["row"] == ("canceled", True)
    assert states[0]["ends"] == ["voluntary"]
    assert states[0]["requests"] == [{"origin": "stripe", "outcome": "canceled", "reason": "unused"}]
    assert [row["kind"] for row in states[0]["outbox"]] == [
        "cancellation_confirmation",
        "subscription.canceled",
        "subscription.ended",
    ]
    assert states[0]["emails"] == ["Cancellation confirmed: your Professional plan has ended"]
