"""Customers with a scheduled cancellation, and their retention jobs."""

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import stripe

from tests.waiting import eventually
from tests.world import Person, Row, World


def leaving(world: World, case: str = "professional", **body: Any) -> Person:
    """Create a customer who cancelled through our API."""
    person = world.person(case)
    assert world.cancel(person, **body).status_code == 200
    return person


def when_done(world: World, person: Person) -> Person:
    """Return the person when no work is left: a response waits for neither email nor event."""
    left = "SELECT 1 FROM requests WHERE user_id = %s AND resume_at IS NOT NULL"
    eventually(lambda: not world.rows(left, person.user_id))
    return person


def reactivate(world: World, person: Person, **body: Any) -> httpx.Response:
    return world.http.post("/reactivate-subscription", json={"user_id": person.user_id, **body}, headers=person.headers)


def in_stripe(world: World, person: Person) -> stripe.Subscription:
    return world.stripe.subscriptions.retrieve(person.subscription_id)


def renews_at(world: World, person: Person) -> str:
    end = in_stripe(world, person).items.data[0].current_period_end
    return datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def row_of(world: World, person: Person) -> Row:
    return world.row("SELECT * FROM subscriptions WHERE id = %s", person.subscription_id)


def jobs(world: World, person: Person) -> list[str]:
    """Return the retention jobs' states, oldest first."""
    found = world.rows("SELECT status FROM data_retention_jobs WHERE user_id = %s ORDER BY id", person.user_id)
    return [each["status"] for each in found]


def outbox(world: World, person: Person) -> list[str]:
    found = world.rows("SELECT kind FROM outbox WHERE user_id = %s ORDER BY created_at, kind", person.user_id)
    return [each["kind"] for each in found]


def requests(world: World, person: Person) -> list[Row]:
    return world.rows("SELECT * FROM reactivation_requests WHERE user_id = %s ORDER BY received_at", person.user_id)


def subjects(world: World, person: Person) -> list[str]:
    return [email["subject"] for email in world.emails(person)]


def title(page: httpx.Response) -> str:
    [found] = re.findall(r"<h1>(.*?)</h1>", page.text)
    return str(found)
