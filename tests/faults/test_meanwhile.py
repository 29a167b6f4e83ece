"""Customers change their mind while a killed process's work waits: no one gets a false confirmation."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.faults.topic import Topic, subscribed
from tests.faults.triggers import Trigger, Triggers
from tests.faults.wires import wired
from tests.faults.wires_line import When
from tests.reactivation.people import in_stripe, jobs, leaving, reactivate, requests, subjects, when_done
from tests.waiting import eventually
from tests.webhooks.events import order, settled
from tests.world import Person, World

pytestmark = pytest.mark.slow

REACH_SECONDS = 60.0
BACK = "Welcome back: your Professional plan continues"
CONFIRMED = "Cancellation confirmed"
CANCELLED = "subscription.canceled"

Ask = Callable[[Trigger, Person], httpx.Response]


def killed_before(effect: str, ask: Ask, person: Person, triggers: Triggers) -> None:
    """Send a request to a trigger, and `kill -9` it just before this effect."""
    with wired(alone=True) as wires:
        stop = wires.freeze_at(effect, When.BEFORE)
        with triggers.started(**wires.settings()) as trigger, ThreadPoolExecutor(1) as threads:
            asking = threads.submit(ask, trigger, person)
            assert stop.reached.wait(REACH_SECONDS), wires.effects
            trigger.kill()
            assert isinstance(asking.exception() or asking.result(), httpx.TransportError | httpx.Response)


def cancel(trigger: Trigger, person: Person) -> httpx.Response:
    return trigger.cancel(person)


def reactivate_on(trigger: Trigger, person: Person) -> httpx.Response:
    return trigger.http.post("/reactivate-subscription", json={"user_id": person.user_id}, headers=person.headers)


def changes_mind(world: World, person: Person, action: str, **more: object) -> None:
    order(world, "portal", subscription=person.subscription_id, action=action, **more)


def expire_leases(world: World, person: Person) -> None:
    """Let their lease expire."""
    for table in ("cancellation_requests", "reactivation_requests"):
        due = f"UPDATE {table} SET resume_at = now() WHERE user_id = %s AND resume_at > now() RETURNING id"
        world.rows(due, person.user_id)


def kinds_of_emails(world: World, person: Person) -> list[str]:
    """Return emails by the beginning of their subjects."""
    return sorted(subject.partition(":")[0] for subject in subjects(world, person))


def published(topic: Topic, person: Person) -> list[str]:
    """Return events without duplicates, like a consumer: a process killed before marking one publishes it again."""
    return list({event["event_id"]: event["event"] for event in topic.events_of(person.user_id)}.values())


@pytest.mark.parametrize(
    "effect",
    ["drop_other_retention_jobs, schedule_data_retention", "finish_cancellation, write_audit"],
)
def test_an_unreported_cancellation_undone_in_the_portal_ends_as_undone(
    world: World, triggers: Triggers, effect: str
) -> None:
    with subscribed() as topic:
        person = world.person("professional")
        killed_before(effect, cancel, person, triggers)
        changes_mind(world, person, "undo")
        expire_leases(world, person)
        when_done(world, person)
        settled(world, person)
        assert published(topic, person) == []

    request = world.row("SELECT * FROM cancellation_requests WHERE user_id = %s", person.user_id)
    assert (request["outcome"], request["parked_at"]) == ("refused", None)
    assert request["response"]["type"] == "urn:cancelflow:problem:cancellation-taken-back"
    assert in_stripe(world, person).cancel_at is None
    assert "scheduled" not in jobs(world, person)
    assert kinds_of_emails(world, person) == []
    # It does not block another cancellation.
    assert world.cancel(person).status_code == 200
    assert kinds_of_emails(world, when_done(world, person)) == [CONFIRMED]
    assert jobs(world, person)[-1] == "scheduled"


def test_no_email_confirms_a_cancellation_that_has_since_been_undone(world: World, triggers: Triggers) -> None:
    with subscribed() as topic:
        person = world.person("professional")
        killed_before("email", cancel, person, triggers)
        changes_mind(world, person, "undo")
        eventually(lambda: requests(world, person))  # the portal's event is being handled
        expire_leases(world, person)
        when_done(world, person)
        settled(world, person)
        assert published(topic, person) == [CANCELLED, "subscription.reactivated"]

    assert kinds_of_emails(world, person) == [BACK.partition(":")[0]]
    assert jobs(world, person) == ["cancelled"]


def test_no_email_confirms_a_reactivation_that_has_since_been_cancelled(world: World, triggers: Triggers) -> None:
    with subscribed() as topic:
        person = when_done(world, leaving(world))
        killed_before("email", reactivate_on, person, triggers)
        assert world.cancel(person).status_code == 200
        expire_leases(world, person)
        when_done(world, person)
        eventually(lambda: len(published(topic, person)) == 3, within=300)
        assert published(topic, person) == [
            "subscription.canceled",
            "subscription.reactivated",
            "subscription.canceled",
        ]

    assert in_stripe(world, person).cancel_at is not None
    assert kinds_of_emails(world, person) == [CONFIRMED, CONFIRMED]
    assert jobs(world, person) == ["cancelled", "scheduled"]


def test_an_unreported_reactivation_cancelled_in_the_portal_ends_as_cancelled(world: World, triggers: Triggers) -> None:
    person = when_done(world, leaving(world))
    killed_before("finish_reactivation, write_audit", reactivate_on, person, triggers)
    changes_mind(world, person, "cancel", feedback="unused")
    expire_leases(world, person)
    when_done(world, person)
    settled(world, person)

    [request] = requests(world, person)
    assert (request["outcome"], request["response"]["type"]) == ("refused", "urn:cancelflow:problem:cancelled-again")
    assert in_stripe(world, person).cancel_at is not None
    assert BACK not in subjects(world, person)
    assert jobs(world, person) == ["cancelled", "scheduled"]
    assert reactivate(world, person).status_code == 200


def test_a_reactivation_that_waited_gives_way_to_a_later_wish_to_cancel(world: World, triggers: Triggers) -> None:
    person = when_done(world, leaving(world))
    killed_before("POST /v1/subscriptions/{id}", reactivate_on, person, triggers)
    again = world.cancel(person)
    assert (again.status_code, again.json()["detail"]) == (409, "Subscription already scheduled for cancellation")
    expire_leases(world, person)
    when_done(world, person)

    [request] = requests(world, person)
    assert (request["outcome"], request["response"]["type"]) == ("refused", "urn:cancelflow:problem:cancelled-again")
    assert in_stripe(world, person).cancel_at is not None
    assert BACK not in subjects(world, person)
    assert jobs(world, person) == ["scheduled"]
