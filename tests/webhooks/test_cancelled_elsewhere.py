"""Cancellations in Stripe's portal or dashboard: FEATURES N01, W19, handled as if requested here."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.consumer import body, consuming
from tests.reactivation.people import in_stripe, jobs, leaving, outbox, reactivate, requests, row_of, subjects
from tests.waiting import eventually
from tests.webhooks.events import deliver, events_about, inbox, order, settled
from tests.world import Person, World

pytestmark = pytest.mark.slow


def portal(world: World, person: Person, action: str, **more: object) -> None:
    order(world, "portal", subscription=person.subscription_id, action=action, **more)


def ends(world: World, person: Person) -> datetime:
    at = in_stripe(world, person).cancel_at
    assert at is not None
    return datetime.fromtimestamp(at, UTC)


@pytest.mark.parametrize("place", ["portal", "dashboard"])
def test_a_cancellation_made_in_stripe_has_the_same_effects_as_one_made_here(world: World, place: str) -> None:
    with consuming() as consumer:
        person = world.person("professional")
        order(
            world,
            place,
            subscription=person.subscription_id,
            action="cancel",
            feedback="too_complex",
            comment="I never got it to work",
        )
        settled(world, person, events=2)
        [message] = consumer.everything_of(person.user_id)

    end = ends(world, person)
    row = row_of(world, person)
    assert (row["status"], row["cancel_at"], row["cancel_at_period_end"]) == ("pending_cancellation", end, True)
    assert row["canceled_at"] is not None
    assert row["price_ids"] == [in_stripe(world, person).items.data[0].price.id]
    job = world.row("SELECT * FROM data_retention_jobs WHERE user_id = %s", person.user_id)
    assert (job["status"], job["cancel_at"], job["run_at"]) == ("scheduled", end, end + timedelta(days=90))
    reason = world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert (reason["category"], reason["feedback"]) == ("too_complex", "I never got it to work")
    [subject] = subjects(world, person)
    assert subject.startswith("Cancellation confirmed: your Professional plan ends on")
    event = body(message)
    assert (event["event"], event["reason"]) == ("subscription.canceled", "too_complex")
    assert event["cancel_at"] == event["effective_at"] == end.strftime("%Y-%m-%dT%H:%M:%SZ")
    [audit] = world.rows("SELECT * FROM audit_log WHERE user_id = %s", person.user_id)
    assert (audit["action"], audit["outcome"]) == ("cancel_subscription", "pending_cancellation")
    # Nothing was written to Stripe for it.
    assert [w for w in world.simulator.writes(person.subscription_id) if w["path"].startswith("/v1")] == []


@pytest.mark.slow
def test_a_reason_given_later_is_filled_in_once(world: World) -> None:
    person = world.person("professional")
    portal(world, person, "cancel")
    settled(world, person, events=1)
    reason = world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert (reason["category"], reason["feedback"]) == ("prefer_not_to_say", None)

    portal(world, person, "reason", feedback="unused", comment="first")
    settled(world, person, events=2)
    portal(world, person, "reason", feedback="other", comment="second")
    settled(world, person, events=3)

    reason = world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert (reason["category"], reason["feedback"]) == ("unused", "first")
    assert len(subjects(world, person)) == 1
    assert outbox(world, person).count("subscription.canceled") == 1


def test_events_of_our_own_writes_are_recognised_and_cause_nothing(world: World) -> None:
    person = leaving(world, feedback="ours")
    events = settled(world, person, events=1)
    assert [row["outcome"] for row in events] == ["ours"]
    assert [row["flow_run_id"] for row in events] == [None]
    assert reactivate(world, person).status_code == 200
    events = settled(world, person, events=2)
    assert [row["outcome"] for row in events] == ["ours", "ours"]
    assert len(world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", person.user_id)) == 1
    assert len(requests(world, person)) == 1
    assert len(subjects(world, person)) == 2


def test_undoing_a_cancellation_in_the_portal_is_a_reactivation(world: World) -> None:
    with consuming() as consumer:
        person = leaving(world)
        settled(world, person, events=1)
        writes = world.simulator.writes(person.subscription_id)
        portal(world, person, "undo")
        settled(world, person, events=2)
        _, message = consumer.everything_of(person.user_id)

    assert [w for w in world.simulator.writes(person.subscription_id) if w not in writes] == []
    assert (row_of(world, person)["status"], jobs(world, person)) == ("active", ["cancelled"])
    assert "Welcome back: your Professional plan continues" in subjects(world, person)
    assert body(message)["event"] == "subscription.reactivated"
    [request] = requests(world, person)
    assert (request["origin"], request["outcome"]) == ("stripe", "reactivated")


def test_a_customer_can_cancel_and_undo_repeatedly_in_the_portal(world: World) -> None:
    person = world.person("professional")
    for round_, feedback in ((1, "unused"), (2, "other")):
        portal(world, person, "cancel", feedback=feedback)
        settled(world, person, events=3 * round_ - 1)
        portal(world, person, "undo")
        settled(world, person, events=3 * round_)
    assert jobs(world, person) == ["cancelled", "cancelled"]
    assert len(subjects(world, person)) == 4


@pytest.mark.slow
def test_the_reason_of_an_earlier_cancellation_is_not_stored_again(world: World) -> None:
    """Stripe keeps feedback and comment when a cancellation is undone."""
    person = world.person("professional")
    portal(world, person, "cancel", feedback="unused", comment="At first.")
    settled(world, person, events=2)
    portal(world, person, "undo")
    settled(world, person, events=3)
    portal(world, person, "cancel")
    settled(world, person, events=4)
    reasons = world.rows("SELECT * FROM cancellation_reasons WHERE user_id = %s ORDER BY id", person.user_id)
    assert [(row["category"], row["feedback"]) for row in reasons] == [
        ("unused", "At first."),
        ("prefer_not_to_say", None),
    ]


def test_a_cancellation_undone_before_it_was_handled_has_no_effect(world: World) -> None:
    person = world.person("professional")
    with world.simulator.losing_webhooks():
        portal(world, person, "cancel")
        portal(world, person, "undo")
        events = events_about(world, person.subscription_id, "customer.subscription.updated")
    for event in events:
        deliver(world, event.id)
    assert [row["outcome"] for row in settled(world, person, events=2)] == ["nothing", "nothing"]
    assert (jobs(world, person), subjects(world, person), outbox(world, person)) == ([], [], [])


def test_other_updates_have_no_effect(world: World) -> None:
    """A cancellation from before webhooks were received stays unchanged, whatever else is updated."""
    person = world.person("pending_in_stripe_only")
    world.stripe.subscriptions.update(person.subscription_id, {"metadata": {"note": "1"}})
    [event] = events_about(world, person.subscription_id, "customer.subscription.updated")
    assert deliver(world, event.id).status_code == 200
    assert (inbox(world, person), subjects(world, person), outbox(world, person)) == ([], [], [])


def test_a_new_end_date_moves_the_deletion_date_and_sends_no_email(world: World) -> None:
    person = world.person("professional")
    portal(world, person, "cancel", feedback="unused")
    settled(world, person, events=2)
    later = int(ends(world, person).timestamp()) + 86400
    order(world, "dashboard", subscription=person.subscription_id, action="cancel", when=later)
    settled(world, person, events=3)
    job = world.row("SELECT * FROM data_retention_jobs WHERE user_id = %s", person.user_id)
    assert (job["cancel_at"], row_of(world, person)["cancel_at"]) == (ends(world, person), ends(world, person))
    assert int(job["cancel_at"].timestamp()) == later
    assert len(subjects(world, person)) == 1


def test_a_coupon_accepted_in_the_portal_counts_as_the_offer(world: World) -> None:
    someone = world.person("professional")
    assert world.accept(someone).status_code == 200  # creates the coupon
    person = world.person("professional")
    portal(world, person, "accept_retention_coupon", coupon="cancelflow-professional-30pct-3m")
    settled(world, person, events=1)
    offer = world.row("SELECT * FROM retention_offers WHERE user_id = %s", person.user_id)
    assert (offer["state"], offer["percent_off"], offer["plan"]) == ("applied", 30, "professional")
    shown = world.http.get("/retention-offer", headers=person.headers).json()
    assert shown == {"retention_offer": None, "show_offer": False}
    assert world.accept(person).status_code == 409
    assert subjects(world, person) == []


def test_an_event_whose_handler_was_killed_is_handled_again(world: World) -> None:
    """The lease of an event that was claimed but not handled has expired."""
    person = world.person("professional")
    with world.simulator.losing_webhooks():
        portal(world, person, "cancel", feedback="unused")
        [event, _] = events_about(world, person.subscription_id, "customer.subscription.updated")
    world.admin.execute(
        "INSERT INTO stripe_events (id, type, change, created_at, livemode, subscription_id, tries, resume_at)"
        " VALUES (%s, %s, 'begins', now(), false, %s, 1, now() - interval '1 second')",
        [event.id, event.type, person.subscription_id],
    )
    [row] = settled(world, person, events=1)
    assert (row["outcome"], row["tries"]) == ("cancellation", 2)
    assert jobs(world, person) == ["scheduled"]


@pytest.mark.slow
def test_an_event_waits_while_stripe_is_unavailable(world: World) -> None:
    person = world.person("professional")
    with world.simulator.fault(kind="status", status=500, method="GET", contains=person.subscription_id, times=0):
        portal(world, person, "cancel", feedback="unused")
        eventually(lambda: any(row["problem"] == "billing-failed" for row in inbox(world, person)))
    settled(world, person, events=2)
    assert jobs(world, person) == ["scheduled"]
    assert len(subjects(world, person)) == 1
