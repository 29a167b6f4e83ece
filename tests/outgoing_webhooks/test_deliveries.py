"""Deliveries: receivers that are down, slow or gone; and the commands with which an operator looks after them."""

import asyncio
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from deployments.webhooks.deliveries import NothingToReplay, replay, replay_failed, show
from deployments.webhooks.trial import EndpointUnknown, send_test
from nodes.errors import HookFailed
from nodes.settings import DatabaseSettings, WebhookSettings, load
from tests.cancel_page.visitor import Visitor, token
from tests.offers.company import Company
from tests.outgoing_webhooks.receivers import VALIDATOR, Endpoints, about, deliveries
from tests.waiting import eventually
from tests.world import Person, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

TYPES = {"session.started", "session.completed", "subscription.canceled"}
# In seconds, after each attempt; together, three days.
PAUSES = [15, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 72_000]


def cancelled(company: Company, guest: Visitor) -> Person:
    """Create a customer who cancelled on the page."""
    person = company.customer()
    guest.open(token(person))
    assert guest.press("cancel").status_code == 200
    return person


def tried(world: World, person: Person, attempts: int) -> None:
    """Wait until each delivery to `every` has failed so many times."""

    def look() -> bool:
        found = deliveries(world, person)
        return found.keys() == TYPES and all(
            each["attempts"] >= attempts and each["problem"] for each in found.values()
        )

    eventually(look)


def pauses_are_over(world: World, person: Person) -> None:
    """Let the time of the next attempt come."""
    world.admin.execute(
        "UPDATE webhook_deliveries SET due_at = now(), problem = NULL WHERE user_id = %s AND due_at IS NOT NULL",
        [person.user_id],
    )


def at_the_last_attempt(world: World, person: Person) -> None:
    world.admin.execute(
        "UPDATE webhook_deliveries SET attempts = %s WHERE user_id = %s AND endpoint = 'every'",
        [len(PAUSES), person.user_id],
    )
    pauses_are_over(world, person)


def given_up(world: World, person: Person) -> None:
    """Wait until each delivery to `every` has failed for good."""
    eventually(lambda: all(each["due_at"] is None and each["problem"] for each in deliveries(world, person).values()))


def shown() -> str:
    """Return what `cancelflow webhooks list` prints."""
    printed = StringIO()
    show(load(DatabaseSettings), load(WebhookSettings), Console(file=printed, width=200))
    return printed.getvalue()


# Receivers that don't accept


def test_a_receiver_that_is_down_for_an_hour_gets_each_event_exactly_once(
    company: Company, guest: Visitor, endpoints: Endpoints
) -> None:
    world = company.world
    endpoints.every.status = 503
    person = cancelled(company, guest)
    for attempts in range(1, 5):  # the first hour's
        tried(world, person, attempts)
        if attempts < 4:
            pauses_are_over(world, person)
    [few] = eventually(lambda: about(endpoints.few.accepted, person))  # which isn't held up
    assert few.body["type"] == "session.completed"
    assert about(endpoints.every.accepted, person) == []

    endpoints.every.status = 204
    pauses_are_over(world, person)

    eventually(lambda: all(each["delivered_at"] for each in deliveries(world, person).values()))
    pauses_are_over(world, person)
    arrived = about(endpoints.every.accepted, person)
    assert sorted(each.body["type"] for each in arrived) == sorted(TYPES)
    refused = about(endpoints.every.refused, person)
    assert {each.id for each in refused} == {each.id for each in arrived}
    assert min(Counter(each.id for each in refused).values()) >= 4
    assert {each.id: each.body for each in refused} == {each.id: each.body for each in arrived}
    assert {each["problem"] for each in deliveries(world, person).values()} == {None}


def test_the_pauses_grow_over_three_days(company: Company, guest: Visitor, endpoints: Endpoints) -> None:
    world = company.world
    endpoints.every.status = 500
    person = cancelled(company, guest)
    tried(world, person, 1)
    [row] = world.rows(
        """SELECT attempts, extract(epoch FROM due_at - now())::float AS left FROM webhook_deliveries
        WHERE user_id = %s AND endpoint = 'every' AND type = 'session.started'""",
        person.user_id,
    )
    assert row["left"] <= PAUSES[row["attempts"] - 1]
    found = world.rows(
        "SELECT extract(epoch FROM pause_of_webhook(n))::integer AS pause FROM generate_series(1, 10) n ORDER BY n"
    )
    assert [each["pause"] for each in found] == [*PAUSES, None]
    assert sorted(PAUSES) == PAUSES
    assert timedelta(days=2.9) < timedelta(seconds=sum(PAUSES)) < timedelta(days=3)


def test_a_customer_does_not_wait_for_a_receiver(company: Company, guest: Visitor, endpoints: Endpoints) -> None:
    """The receiver responds only after the customer has seen the result."""
    world, released = company.world, threading.Event()
    endpoints.every.status, endpoints.every.act = 200, lambda _: released.wait(60)
    try:
        person = cancelled(company, guest)
        assert guest.title == "Your subscription is cancelled"
        assert not any(each["delivered_at"] for each in deliveries(world, person).values())
    finally:
        endpoints.every.act = None
        released.set()
    eventually(lambda: not world.rows("SELECT FROM outbox WHERE user_id = %s AND delivered_at IS NULL", person.user_id))
    pauses_are_over(world, person)
    eventually(lambda: all(each["delivered_at"] for each in deliveries(world, person).values()))


def test_a_webhook_that_waits_keeps_no_request_open(company: Company, guest: Visitor, endpoints: Endpoints) -> None:
    endpoints.every.status = 503
    person = cancelled(company, guest)
    tried(company.world, person, 1)
    eventually(
        lambda: company.world.rows(
            "SELECT FROM cancellation_requests WHERE user_id = %s AND resume_at IS NULL AND parked_at IS NULL",
            person.user_id,
        )
    )


def test_what_is_recorded_again_is_sent_once(company: Company, guest: Visitor, endpoints: Endpoints) -> None:
    world, person = company.world, cancelled(company, guest)
    eventually(lambda: len(about(endpoints.every.accepted, person)) == len(TYPES))
    before = deliveries(world, person)
    world.admin.execute(
        "SELECT put_webhooks(cancellation_id, %s::json) FROM cancel_sessions WHERE user_id = %s",
        ['{"every": ["session.started", "session.completed", "subscription.canceled"]}', person.user_id],
    )
    assert deliveries(world, person) == before


def test_a_process_that_dies_after_sending_sends_the_same_id_again(
    company: Company, guest: Visitor, endpoints: Endpoints
) -> None:
    """It is then as before the result was recorded."""
    world, person = company.world, cancelled(company, guest)
    eventually(lambda: all(each["delivered_at"] for each in deliveries(world, person).values()))
    world.admin.execute(
        "UPDATE webhook_deliveries SET delivered_at = NULL, due_at = now() WHERE user_id = %s AND endpoint = 'every'",
        [person.user_id],
    )
    eventually(lambda: len(about(endpoints.every.accepted, person)) == 2 * len(TYPES))
    arrived = about(endpoints.every.accepted, person)
    assert set(Counter(each.id for each in arrived).values()) == {2}
    assert {each["attempts"] for each in deliveries(world, person).values()} == {2}


# The commands


@pytest.mark.usefixtures("here")
def test_a_delivery_that_has_failed_is_listed_and_replayed(
    company: Company, guest: Visitor, endpoints: Endpoints
) -> None:
    world = company.world
    endpoints.every.status = 410
    person = cancelled(company, guest)
    tried(world, person, 1)
    waiting = deliveries(world, person)
    listed = shown()
    assert "127.0.0.1" in listed
    assert "/hooks" not in listed
    for each in waiting.values():
        [line] = [line for line in listed.splitlines() if str(each["id"]) in line]
        assert "responded 410" in line
        assert "next at" in line
    at_the_last_attempt(world, person)
    given_up(world, person)
    assert f"cancelflow webhooks replay {waiting['session.completed']['id']}" in shown()

    endpoints.every.status = 204
    replay(load(DatabaseSettings), waiting["session.completed"]["id"])

    [got] = eventually(lambda: about(endpoints.every.accepted, person))
    assert got.id == str(waiting["session.completed"]["id"])
    with pytest.raises(NothingToReplay):
        replay(load(DatabaseSettings), uuid4())


@pytest.mark.usefixtures("here")
def test_every_delivery_that_has_failed_since_a_time_is_replayed(
    company: Company, guest: Visitor, endpoints: Endpoints
) -> None:
    world, began = company.world, datetime.now(UTC)
    endpoints.every.status = 503
    person = cancelled(company, guest)
    tried(world, person, 1)
    at_the_last_attempt(world, person)
    given_up(world, person)
    assert replay_failed(load(DatabaseSettings), datetime.now(UTC) + timedelta(hours=1)) == 0
    endpoints.every.status = 204

    assert replay_failed(load(DatabaseSettings), began - timedelta(minutes=1)) >= len(TYPES)

    eventually(lambda: {each.body["type"] for each in about(endpoints.every.accepted, person)} == TYPES)


@pytest.mark.usefixtures("here")
def test_a_test_event_is_sent_whatever_the_endpoint_takes(endpoints: Endpoints) -> None:
    sent = asyncio.run(send_test(load(WebhookSettings), "few"))
    [got] = [each for each in endpoints.few.accepted if each.id == sent]
    assert (UUID(sent).version, got.valid, got.body["type"]) == (4, True, "webhook.test")
    assert list(VALIDATOR.iter_errors(got.body)) == []

    endpoints.few.status = 500
    with pytest.raises(HookFailed, match="responded 500"):
        asyncio.run(send_test(load(WebhookSettings), "few"))
    with pytest.raises(EndpointUnknown, match="no endpoint crm; it names every, few"):
        asyncio.run(send_test(load(WebhookSettings), "crm"))
