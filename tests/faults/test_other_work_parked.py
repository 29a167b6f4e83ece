"""Reactivations and Stripe's events that fail for hours wait for an operator, like cancellations, until resumed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from deployments.operations.requests import NothingToResume, resume
from nodes.settings import DatabaseSettings, load
from tests.faults.test_parked import LONG_AGO, listed, run_about
from tests.reactivation.people import in_stripe, jobs, leaving, subjects, when_done
from tests.waiting import eventually
from tests.webhooks.events import events_about, order, settled
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

DELAYED = "Your reactivation is taking longer than it should"
BACK = "Welcome back: your Professional plan continues"


def failing_reactivation(world: World, person: Person, **columns: Any) -> str:
    """Insert a reactivation that was tried for hours, and whose lease has expired."""
    since = datetime.now(UTC) - LONG_AGO
    given = {"origin": "api", "tries": 12, "runs": 12, "trying_since": since, "problem": "billing-failed", **columns}
    names, places = ", ".join(given), ", ".join(["%s"] * len(given))
    made = world.row(
        f"""INSERT INTO reactivation_requests (user_id, asked_user_id, asked_subscription, resume_at, {names})
        VALUES (%s, %s, %s, now(), {places}) RETURNING id""",
        person.user_id,
        person.user_id,
        person.subscription_id,
        *given.values(),
    )
    return str(made["id"])


def reactivation(world: World, request_id: str) -> Row:
    return world.row("SELECT * FROM reactivation_requests WHERE id = %s", request_id)


def event(world: World, event_id: str) -> Row:
    return world.row("SELECT * FROM stripe_events WHERE id = %s", event_id)


def when_done_or_parked(look: Callable[[], Row]) -> Row:
    """Return the row when no retry is scheduled."""
    eventually(lambda: look()["resume_at"] is None)
    return look()


def assert_operator_is_notified(world: World, identifier: str, work: str) -> None:
    """Check that an operator is notified, in the list and by a failed run with instructions."""
    assert (listed(identifier).work, listed(identifier).stuck) == (work, True)
    assert "needs attention" in listed(identifier).line()
    assert "why: billing-failed" in listed(identifier).advice()
    assert f"cancelflow resume {identifier}" in listed(identifier).advice()
    run = eventually(partial(run_about, world, identifier))
    assert run is not None
    assert run["state_type"] == "FAILED"
    shown = world.prefect.post("/artifacts/filter", json={"artifacts": {"flow_run_id": {"any_": [run["id"]]}}}).json()
    assert any(f"{work} | {identifier}" in artifact["data"] for artifact in shown)
    assert any(f"`cancelflow resume {identifier}`" in artifact["data"] for artifact in shown)


def test_a_reactivation_that_failed_for_hours_is_parked_and_its_customer_emailed(world: World) -> None:
    person = when_done(world, leaving(world))
    request_id = failing_reactivation(world, person)

    row = when_done_or_parked(partial(reactivation, world, request_id))

    assert (row["outcome"], row["recovery_point"]) == (None, "received")
    assert row["parked_at"] is not None
    assert in_stripe(world, person).cancel_at is not None
    [email] = [each for each in world.emails(person) if each["subject"] == DELAYED]
    assert request_id in email["text"]
    assert "asked us to reactivate your plan" in " ".join(email["text"].split())
    assert "Until then, your plan still ends on" in " ".join(email["text"].split())
    assert_operator_is_notified(world, request_id, "reactivation")

    resume(load(DatabaseSettings), request_id)

    row = when_done_or_parked(partial(reactivation, world, request_id))
    assert (row["outcome"], row["parked_at"], row["problem"]) == ("reactivated", None, None)
    assert in_stripe(world, person).cancel_at is None
    assert jobs(world, person) == ["cancelled"]
    assert sorted(subjects(world, person))[1:] == sorted([DELAYED, BACK])


def test_no_delay_email_is_sent_about_a_reactivation_made_in_stripes_portal(world: World) -> None:
    """The customer has what they wanted; only we have not processed it yet."""
    person = when_done(world, leaving(world))
    with world.simulator.losing_webhooks():
        order(world, "portal", subscription=person.subscription_id, action="undo")
    request_id = failing_reactivation(world, person, origin="stripe")
    when_done_or_parked(partial(reactivation, world, request_id))
    assert DELAYED not in subjects(world, person)
    resume(load(DatabaseSettings), request_id)
    assert when_done_or_parked(partial(reactivation, world, request_id))["outcome"] == "reactivated"
    assert BACK in subjects(world, person)


def test_an_urgent_reactivation_is_retried_every_minute_and_shown_to_operators(world: World) -> None:
    """It cannot be reactivated after the end, so it is never parked before it."""
    person = when_done(world, leaving(world))
    soon = datetime.now(UTC) + timedelta(hours=12)
    order(world, "dashboard", subscription=person.subscription_id, action="cancel", when=int(soon.timestamp()))
    settled(world, person)
    with world.simulator.fault(kind="status", method="POST", contains=person.subscription_id, times=0) as hits:
        request_id = failing_reactivation(world, person, subscription_id=person.subscription_id)
        eventually(lambda: hits() > 0)
        eventually(lambda: reactivation(world, request_id)["billing_try"] == 2)
        row = reactivation(world, request_id)

    assert (row["parked_at"], row["tries"]) == (None, 13)
    assert row["resume_at"] <= datetime.now(UTC) + timedelta(minutes=1)
    assert listed(request_id).stuck
    assert "urgent" in listed(request_id).line()
    assert "the paid period ends soon" in listed(request_id).advice()
    eventually(partial(run_about, world, request_id))
    assert DELAYED not in subjects(world, person)

    world.admin.execute("UPDATE reactivation_requests SET resume_at = now() WHERE id = %s", [request_id])

    assert when_done_or_parked(partial(reactivation, world, request_id))["outcome"] == "reactivated"


def test_a_reactivation_is_no_longer_urgent_once_the_period_is_over(world: World) -> None:
    person = when_done(world, leaving(world))
    over = "UPDATE subscriptions SET cancel_at = now() - interval '1 hour' WHERE id = %s"
    world.admin.execute(over, [person.subscription_id])
    assert (
        when_done_or_parked(partial(reactivation, world, failing_reactivation(world, person)))["parked_at"] is not None
    )


def test_an_event_that_failed_for_hours_waits_for_an_operator(world: World) -> None:
    person = world.person("professional")
    with world.simulator.losing_webhooks():
        order(world, "portal", subscription=person.subscription_id, action="cancel", feedback="unused")
        [stripe_event, _] = events_about(world, person.subscription_id, "customer.subscription.updated")
    world.admin.execute(
        "INSERT INTO stripe_events (id, type, change, created_at, livemode, subscription_id, tries, trying_since,"
        " problem) VALUES (%s, %s, 'begins', now(), false, %s, 12, %s, 'billing-failed')",
        [stripe_event.id, stripe_event.type, person.subscription_id, datetime.now(UTC) - LONG_AGO],
    )

    row = when_done_or_parked(partial(event, world, stripe_event.id))

    assert row["parked_at"] is not None
    assert (row["handled_at"], row["tries"]) == (None, 12)
    assert_operator_is_notified(world, stripe_event.id, "Stripe event")
    assert subjects(world, person) == []

    resume(load(DatabaseSettings), stripe_event.id)

    [row] = settled(world, person, events=1)
    assert (row["outcome"], row["parked_at"], row["tries"]) == ("cancellation", None, 1)
    assert jobs(world, person) == ["scheduled"]
    with pytest.raises(NothingToResume):
        resume(load(DatabaseSettings), stripe_event.id)


def test_a_failing_event_records_its_problem_and_is_not_parked_too_early(world: World) -> None:
    person = world.person("professional")
    away = world.simulator.fault(kind="status", status=500, method="GET", contains=person.subscription_id, times=0)
    with away:
        order(world, "portal", subscription=person.subscription_id, action="cancel", feedback="unused")
        failed = eventually(
            lambda: world.rows(
                "SELECT * FROM stripe_events WHERE subscription_id = %s AND problem IS NOT NULL", person.subscription_id
            ),
        )
    assert failed[0]["parked_at"] is None
    assert "billing-failed" not in listed(failed[0]["id"]).line()
    assert not listed(failed[0]["id"]).stuck
    assert {row["outcome"] for row in settled(world, person, events=2)} <= {"cancellation", "nothing", "reason"}
