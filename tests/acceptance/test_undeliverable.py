"""Customers without a working email address can do everything others can; operators see their unsent messages."""

from collections.abc import Callable
from uuid import UUID

import pytest

from deployments.operations.requests import NothingToDismiss, Unfinished, dismiss, resume, unfinished
from nodes.settings import DatabaseSettings, load
from tests.faults.test_parked import tried_for_hours
from tests.faults.unfinished import when_done
from tests.reactivation.people import leaving, reactivate, subjects
from tests.waiting import eventually
from tests.webhooks.events import order, settled
from tests.world import Person, World

pytestmark = pytest.mark.slow

CONFIRMED = "Cancellation confirmed"
BACK = "Welcome back: your Professional plan continues"
OVER = "Your Professional plan has ended because a payment didn't go through"


def addressed(world: World, person: Person, email: str | None) -> None:
    world.admin.execute("UPDATE users SET email = %s WHERE id = %s", [email, person.user_id])


def listed(identifier: object) -> list[Unfinished]:
    return [each for each in unfinished(load(DatabaseSettings)) if each.id == str(identifier)]


def at_rest(world: World, person: Person) -> None:
    """Wait until no work is left for this person."""
    left = """SELECT FROM cancellation_requests WHERE user_id = %s AND resume_at IS NOT NULL
        UNION ALL SELECT FROM reactivation_requests WHERE user_id = %s AND resume_at IS NOT NULL
        UNION ALL SELECT FROM stripe_events WHERE subscription_id = %s AND resume_at IS NOT NULL"""
    eventually(lambda: not world.rows(left, person.user_id, person.user_id, person.subscription_id))


def undeliverable(world: World, person: Person) -> Unfinished:
    """Return this person's entry in the list of unfinished work, when nothing else is left to do."""
    wanted = "SELECT * FROM outbox WHERE user_id = %s AND problem IS NOT NULL"
    [item] = eventually(lambda: world.rows(wanted, person.user_id))
    at_rest(world, person)
    [found] = listed(item["request_id"])
    assert (found.point, found.problem, found.stuck) == (item["kind"], item["problem"], True)
    assert "undeliverable" in found.line()
    assert f"cancelflow resume {found.id}" in found.advice()
    assert f"cancelflow dismiss {found.id}" in found.advice()
    return found


def cancelled(world: World, email: str | None = None) -> Person:
    person = world.person("professional")
    addressed(world, person, email)
    assert world.cancel(person).status_code == 200
    return person


def reactivated(world: World) -> Person:
    person = leaving(world)
    settled(world, person)
    addressed(world, person, None)
    assert reactivate(world, person).status_code == 200
    return person


def ended(world: World) -> Person:
    person = world.person("professional")
    addressed(world, person, None)
    order(world, "end", subscription=person.subscription_id, reason="payment_failed")
    settled(world, person, events=1)
    return person


@pytest.mark.parametrize(
    ("work", "happens", "subject"),
    [("cancellation", cancelled, CONFIRMED), ("reactivation", reactivated, BACK), ("end", ended, OVER)],
)
def test_an_email_without_an_address_is_sent_once_the_customer_has_one(
    world: World, work: str, happens: Callable[[World], Person], subject: str
) -> None:
    person = happens(world)
    found = undeliverable(world, person)
    assert (found.work, found.problem) == (work, "no-address")
    assert "the customer has no email address" in found.advice()

    addressed(world, person, person.email)
    resume(load(DatabaseSettings), found.id)

    eventually(lambda: any(each.startswith(subject) for each in subjects(world, person)))
    at_rest(world, person)
    assert listed(found.id) == []
    assert len([each for each in subjects(world, person) if each.startswith(subject)]) == 1
    published = "SELECT kind FROM outbox WHERE user_id = %s AND kind LIKE 'subscription.%%' AND attempts > 1"
    assert world.rows(published, person.user_id) == []


def test_an_unusable_address_is_listed_until_it_is_dismissed(world: World) -> None:
    email = "not an address"
    found = undeliverable(world, cancelled(world, email))
    assert found.problem == "address-malformed"
    assert email not in found.line() + found.advice()

    dismiss(load(DatabaseSettings), found.id)

    assert listed(found.id) == []
    with pytest.raises(NothingToDismiss):
        dismiss(load(DatabaseSettings), found.id)


def test_an_email_is_listed_again_if_the_new_address_is_unusable_too(world: World) -> None:
    person = cancelled(world)
    found = undeliverable(world, person)
    addressed(world, person, "not an address")
    resume(load(DatabaseSettings), found.id)
    eventually(lambda: [each.problem for each in listed(found.id)] == ["address-malformed"])


def test_a_withdrawn_email_is_not_listed(world: World) -> None:
    person = cancelled(world)
    found = undeliverable(world, person)
    assert reactivate(world, person).status_code == 200
    resume(load(DatabaseSettings), found.id)
    at_rest(world, person)
    assert listed(found.id) == []
    assert world.rows("SELECT FROM outbox WHERE request_id = %s AND refused AND problem IS NULL", found.id)


def test_a_refusal_is_emailed_later_and_stays_a_refusal(world: World) -> None:
    person = world.person("two_subscriptions")
    addressed(world, person, None)
    made = world.row(
        """INSERT INTO cancellation_requests (user_id, asked_user_id, accept_offer, reason, runs, resume_at)
        VALUES (%s, %s, false, 'unused', 1, now()) RETURNING id""",
        person.user_id,
        person.user_id,
    )
    assert when_done(world, made["id"])["outcome"] == "refused"
    found = undeliverable(world, person)

    addressed(world, person, person.email)
    resume(load(DatabaseSettings), found.id)

    eventually(lambda: subjects(world, person) == ["We couldn't cancel your plan"])
    assert when_done(world, made["id"])["outcome"] == "refused"


def test_an_undeliverable_delay_email_is_listed_as_its_request(world: World) -> None:
    person = world.person("professional")
    addressed(world, person, None)
    request_id: UUID = tried_for_hours(world, person)
    assert when_done(world, request_id)["parked_at"] is not None
    [found] = listed(request_id)
    assert (found.undeliverable, found.parked_at is not None) == (False, True)
