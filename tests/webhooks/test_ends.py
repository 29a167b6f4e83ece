"""Ends and their causes: FEATURES N02, N03, N05, N06, N09. Handled once, with an email if not requested."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.consumer import body, consuming
from tests.acceptance.subscribers import clock, paused, subscriber
from tests.reactivation.people import in_stripe, jobs, outbox, row_of, subjects
from tests.waiting import eventually
from tests.webhooks.events import deliver, events_about, inbox, order, settled
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

DAY = 24 * 3600
WHY = ("why", "reason", "feedback", "opinion")


def end_of(world: World, person: Person) -> Row:
    return world.row("SELECT * FROM subscription_ends WHERE user_id = %s", person.user_id)


def ended_at(world: World, person: Person) -> datetime:
    at = in_stripe(world, person).ended_at
    assert at is not None
    return datetime.fromtimestamp(at, UTC)


def access(world: World, person: Person) -> bool:
    shown = world.http.get("/subscription", params={"subscription_id": person.subscription_id}, headers=person.headers)
    return bool(shown.json()["access"])


def email(world: World, person: Person, subject: str) -> Row:
    [found] = [each for each in world.emails(person) if each["subject"] == subject]
    return found


def ended_run(world: World, run_id: object) -> Row | None:
    """Return the run when Prefect shows its end."""
    found: Row = world.prefect.get(f"/flow_runs/{run_id}").json()
    return found if found["end_time"] else None


def log_of(world: World, run_id: object) -> list[Row]:
    """Return the run's log lines when the last one is there."""
    wanted = {"logs": {"flow_run_id": {"any_": [str(run_id)]}}, "limit": 200}
    lines: list[Row] = world.prefect.post("/logs/filter", json=wanted).json()
    return lines if any("is handled" in line["message"] for line in lines) else []


def test_a_requested_end_sends_no_second_email(world: World) -> None:
    on = clock(world)
    with consuming() as consumer:
        person = subscriber(world, on=on)
        assert world.cancel(person).status_code == 200
        settled(world, person, events=1)
        assert access(world, person)
        on.advance(int(row_of(world, person)["cancel_at"].timestamp()) + 60)
        settled(world, person, events=2)
        first, second = consumer.everything_of(person.user_id)

    at = ended_at(world, person)
    row = row_of(world, person)
    assert (row["status"], row["ended_at"]) == ("canceled", at)
    assert row["canceled_at"] < row["ended_at"]
    assert not access(world, person)
    job = world.row("SELECT * FROM data_retention_jobs WHERE user_id = %s", person.user_id)
    assert (job["status"], job["cancel_at"], job["run_at"]) == ("scheduled", at, at + timedelta(days=90))
    assert end_of(world, person)["kind"] == "voluntary"
    assert len(subjects(world, person)) == 1
    assert [body(first)["event"], body(second)["event"]] == ["subscription.canceled", "subscription.ended"]
    event = body(second)
    assert (event["reason"], event["subscription_id"]) == ("voluntary", person.subscription_id)
    assert event["request_id"] == str(end_of(world, person)["id"])
    assert event["effective_at"] == at.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("reason", "kind", "subject"),
    [
        ("payment_failed", "payment_failed", "Your Professional plan has ended because a payment didn't go through"),
        ("payment_disputed", "payment_disputed", "Your Professional plan has ended"),
        ("canceled_by_retention_policy", "neutral", "Your Professional plan has ended"),
        ("a_reason_yet_to_come", "neutral", "Your Professional plan has ended"),
    ],
)
def test_an_end_that_was_not_requested_has_its_own_email(world: World, reason: str, kind: str, subject: str) -> None:
    with consuming() as consumer:
        person = world.person("professional")
        order(world, "end", subscription=person.subscription_id, reason=reason)
        [event, *_] = settled(world, person, events=1)
        [message] = consumer.everything_of(person.user_id)

    assert (row_of(world, person)["status"], access(world, person)) == ("canceled", False)
    end = end_of(world, person)
    assert (end["kind"], end["stripe_reason"]) == (kind, reason)
    job = world.row("SELECT * FROM data_retention_jobs WHERE user_id = %s", person.user_id)
    assert (job["status"], job["cancel_at"]) == ("scheduled", ended_at(world, person))
    assert (body(message)["event"], body(message)["reason"]) == ("subscription.ended", kind)
    sent = email(world, person, subject)
    text = sent["text"].lower()
    assert [word for word in WHY if word in text.partition("--")[0]] == []
    assert subjects(world, person) == [subject]
    assert world.rows("SELECT FROM cancellation_requests WHERE user_id = %s", person.user_id) == []
    run = eventually(lambda: ended_run(world, event["flow_run_id"]))
    assert run is not None
    assert ("reason:unknown" in run["tags"]) is (reason == "a_reason_yet_to_come")


def test_an_end_after_failed_payments_is_emailed_with_a_link_to_the_open_invoice(world: World) -> None:
    on = clock(world)
    person = subscriber(world, on=on)
    customer = str(in_stripe(world, person).customer)
    world.stripe.customers.update(
        customer, {"invoice_settings": {"default_payment_method": "pm_card_chargeCustomerFail"}}
    )
    on.advance(on.now + 32 * DAY + 20 * DAY)
    settled(world, person, events=2)
    assert end_of(world, person)["kind"] == "payment_failed"
    # Stripe sends the last failure and the end together, in two events; there is still only one email.
    sent = email(world, person, "Your Professional plan has ended because a payment didn't go through")
    assert "We couldn't collect the payment" in sent["text"]
    # The open invoice is paid on Stripe's own page, whose current address is only in the email.
    [unpaid] = world.stripe.invoices.list({"subscription": person.subscription_id, "status": "open"}).data
    assert unpaid.hosted_invoice_url
    assert f"Pay the open invoice:\n{unpaid.hosted_invoice_url}\n" in sent["text"]
    assert f'href="{unpaid.hosted_invoice_url}"' in sent["html"]
    [end] = [row for row in inbox(world, person) if row["outcome"] == "end"]
    lines = eventually(lambda: log_of(world, end["flow_run_id"]))
    assert "invoice.stripe.com" not in str([*lines, world.belongings(person.user_id)])


def test_an_immediate_end_in_the_portal_is_published_as_cancelled_and_ended(world: World) -> None:
    with consuming() as consumer:
        person = world.person("professional")
        order(world, "portal", subscription=person.subscription_id, action="cancel", when="immediately")
        settled(world, person, events=1)
        events = [body(message)["event"] for message in consumer.everything_of(person.user_id)]
    assert events == ["subscription.canceled", "subscription.ended"]
    assert subjects(world, person) == ["Cancellation confirmed: your Professional plan has ended"]
    assert jobs(world, person) == ["scheduled"]
    assert end_of(world, person)["kind"] == "voluntary"


def test_an_immediate_end_requested_here_is_published_and_emailed_once(world: World) -> None:
    person = paused(world)
    settled(world, person, events=1)
    assert world.cancel(person).status_code == 200
    settled(world, person, events=2)
    assert outbox(world, person).count("subscription.canceled") == 1
    assert outbox(world, person).count("subscription.ended") == 1
    assert len(subjects(world, person)) == 1


def test_a_subscription_that_never_started_gets_the_onboarding_email(world: World) -> None:
    on = clock(world)
    person = subscriber(world, card="pm_card_chargeCustomerFail", on=on)
    on.advance(on.now + DAY)
    settled(world, person, events=1)
    assert row_of(world, person)["status"] == "incomplete_expired"
    assert end_of(world, person)["kind"] == "never_started"
    assert subjects(world, person) == ["Your Professional plan is one step away"]
    assert jobs(world, person) == []


def test_an_end_reported_twice_is_emailed_once(world: World) -> None:
    person = world.person("professional")
    order(world, "end", subscription=person.subscription_id, reason="payment_failed")
    settled(world, person, events=1)
    [event] = events_about(world, person.subscription_id, "customer.subscription.deleted")
    deliver(world, event.id)
    # And another event about the same end.
    world.admin.execute(
        "INSERT INTO stripe_events (id, type, change, created_at, livemode, subscription_id)"
        " VALUES (%s, 'customer.subscription.deleted', 'end', now(), false, %s)",
        [f"{event.id}_again", person.subscription_id],
    )
    assert [row["outcome"] for row in settled(world, person, events=2)] == ["end", "over"]
    assert outbox(world, person) == ["subscription.ended", "subscription_ended"]
    assert len(subjects(world, person)) == 1


def test_a_pause_and_its_end_are_mirrored(world: World) -> None:
    person = paused(world)
    settled(world, person, events=1)
    assert (row_of(world, person)["status"], access(world, person)) == ("paused", False)
    customer = str(in_stripe(world, person).customer)
    world.stripe.payment_methods.attach("pm_card_visa", {"customer": customer})
    world.stripe.customers.update(customer, {"invoice_settings": {"default_payment_method": "pm_card_visa"}})
    world.stripe.subscriptions.resume(person.subscription_id)
    eventually(lambda: row_of(world, person)["status"] == in_stripe(world, person).status == "active")
    settled(world, person)
    assert subjects(world, person) == []


def test_deleting_a_customer_in_stripe_ends_their_subscriptions(world: World) -> None:
    person = world.person("two_subscriptions")
    user = world.row("SELECT stripe_customer_id FROM users WHERE id = %s", person.user_id)
    world.stripe.customers.delete(user["stripe_customer_id"])
    settled(world, person, events=2)
    statuses = world.rows("SELECT status FROM subscriptions WHERE user_id = %s", person.user_id)
    assert [row["status"] for row in statuses] == ["canceled", "canceled"]
    assert jobs(world, person) == ["scheduled", "scheduled"]
