"""The email that asks for a reason after a cancellation made elsewhere: FEATURES N04, F26. Sent once."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import State

from flows.ask_for_reason import ask_for_reason
from flows.handle_stripe_event import handle_stripe_event
from nodes.node import without_prefect
from nodes.services import open_services, using
from nodes.settings import ServiceSettings, load
from tests.reactivation.people import jobs, subjects
from tests.waiting import eventually
from tests.webhooks.events import events_about, order, settled
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

QUESTION = "One question about your Professional plan"
CONFIRMED = "Cancellation confirmed"


def request_of(world: World, person: Person) -> Row:
    return world.row("SELECT * FROM cancellation_requests WHERE user_id = %s", person.user_id)


def cancelled_without_reason(world: World) -> Person:
    """Create a customer who cancelled in the portal without a reason; their question is due in an hour."""
    person = world.person("professional")
    order(world, "portal", subscription=person.subscription_id, action="cancel")
    # Skip the five seconds in which a reason may still come.
    no_longer = """UPDATE stripe_events SET resume_at = now()
        WHERE subscription_id = %s AND tries = 1 AND in_hand_until IS NULL RETURNING id"""
    eventually(lambda: world.rows(no_longer, person.subscription_id))
    settled(world, person, events=1)
    return person


def here(run: Coroutine[Any, Any, State[None]], **settings: Any) -> State[None]:
    """Run the flow's function in this process with changed settings."""

    async def scenario() -> State[None]:
        async with open_services(load(ServiceSettings).model_copy(update=settings)) as available:
            with using(available), without_prefect():
                return await run

    return asyncio.run(scenario())


def make_due(world: World, person: Person) -> None:
    """Make it due, and return when it was processed."""
    world.admin.execute(
        "UPDATE cancellation_requests SET ask_why_at = now() WHERE user_id = %s AND ask_why_at IS NOT NULL",
        [person.user_id],
    )
    eventually(lambda: request_of(world, person)["ask_why_at"] is None)


def email(world: World, person: Person) -> Row:
    [found] = [each for each in world.emails(person) if each["subject"] == QUESTION]
    return found


def test_one_question_is_emailed_an_hour_after_a_cancellation_without_a_reason(world: World) -> None:
    person = cancelled_without_reason(world)
    request = request_of(world, person)
    assert abs(request["ask_why_at"] - request["received_at"] - timedelta(hours=1)) < timedelta(seconds=1)
    assert len(subjects(world, person)) == 1

    make_due(world, person)

    asked = email(world, person)
    headers = {header["name"]: header["value"] for header in asked["headers"]}
    assert headers["Content-Type"].startswith("text/plain")
    assert (asked["html"], asked["attachments"]) == (None, [])
    assert (asked["subject"] + asked["text"]).count("?") == 1
    name, address = parseaddr(asked["reply_to"])
    assert (name, address.partition("+")[0], address.rpartition("@")[2]) == ("Support", "support", "localhost")
    sent = world.row("SELECT * FROM outbox WHERE user_id = %s AND kind = 'reason_email'", person.user_id)
    assert asked["message_id"] == f"<{sent['id']}@cancelflow>"


def test_the_run_shows_each_step_and_no_personal_data(world: World) -> None:
    person = cancelled_without_reason(world)
    make_due(world, person)
    wanted = {"flow_runs": {"name": {"like_": f"ask-for-reason {request_of(world, person)['id']}"}}}

    def completed() -> Row | None:
        found: list[Row] = world.prefect.post("/flow_runs/filter", json=wanted).json()
        return found[0] if found and found[0]["state_type"] == "COMPLETED" else None

    run = eventually(completed)
    assert run is not None
    assert run["name"].endswith(person.subscription_id)

    def tasks() -> set[str]:
        steps = world.prefect.post("/task_runs/filter", json={"flow_runs": {"id": {"any_": [run["id"]]}}}).json()
        return {step["name"] for step in steps if step["state_type"] == "COMPLETED"}

    eventually(lambda: tasks() == {"See Whether To Ask", "Send Reason Email"})
    assert person.email not in str(run)


def test_the_question_can_be_answered_on_the_feedback_page(world: World) -> None:
    person = cancelled_without_reason(world)
    make_due(world, person)
    [link] = [line for line in email(world, person)["text"].splitlines() if "/feedback/" in line]

    page = world.http.get(link, follow_redirects=True)
    assert (page.status_code, "What was the main reason?" in page.text) == (200, True)
    token = page.url.params["token"]
    response = world.http.post("/feedback", data={"token": token, "reason": "unused", "feedback": "Too little time"})

    assert "Thank you" in response.text
    reason = world.row("SELECT * FROM cancellation_reasons WHERE user_id = %s", person.user_id)
    assert (reason["category"], reason["feedback"]) == ("unused", "Too little time")


def reason_given_in_the_portal(world: World, person: Person) -> None:
    order(world, "portal", subscription=person.subscription_id, action="reason", feedback="unused")
    settled(world, person, events=2)


def reason_given_and_the_event_lost(world: World, person: Person) -> None:
    with world.simulator.losing_webhooks():
        order(world, "portal", subscription=person.subscription_id, action="reason", comment="Too dear.")


def reason_given_on_the_page(world: World, person: Person) -> None:
    [confirmation] = world.emails(person)
    token = confirmation["text"].partition("/feedback?token=")[2].split()[0]
    assert world.http.post("/feedback", data={"token": token, "feedback": "Too dear."}).status_code == 200


def reactivated(world: World, person: Person) -> None:
    order(world, "portal", subscription=person.subscription_id, action="undo")
    settled(world, person, events=2)
    assert jobs(world, person) == ["cancelled"]


def reactivated_and_the_event_lost(world: World, person: Person) -> None:
    with world.simulator.losing_webhooks():
        order(world, "portal", subscription=person.subscription_id, action="undo")


def address_refused(world: World, person: Person) -> None:
    """Set the state after the mail server has permanently refused the confirmation."""
    world.admin.execute("UPDATE outbox SET delivered_at = NULL, refused = true WHERE user_id = %s", [person.user_id])


def anonymized(world: World, person: Person) -> None:
    world.admin.execute("SELECT anonymize_request(%s)", [request_of(world, person)["id"]])


@pytest.mark.parametrize(
    "meanwhile",
    [
        reason_given_in_the_portal,
        reason_given_and_the_event_lost,
        reason_given_on_the_page,
        reactivated,
        reactivated_and_the_event_lost,
        address_refused,
        anonymized,
    ],
)
def test_no_question_is_sent_if_meanwhile(world: World, meanwhile: Callable[[World, Person], None]) -> None:
    person = cancelled_without_reason(world)
    meanwhile(world, person)
    make_due(world, person)
    assert QUESTION not in subjects(world, person)


def test_no_question_is_due_after_a_reason_or_a_cancellation_made_here(world: World) -> None:
    with_reason, here = world.person("professional"), world.person("professional")
    order(world, "portal", subscription=with_reason.subscription_id, action="cancel", comment="Too dear.")
    assert world.cancel(here, reason="prefer_not_to_say").status_code == 200
    settled(world, with_reason, events=2)
    assert [request_of(world, person)["ask_why_at"] for person in (with_reason, here)] == [None, None]


def test_nothing_is_sent_if_the_request_was_deleted_meanwhile() -> None:
    """Their request was deleted between the claim and the look."""
    assert here(ask_for_reason.fn(uuid4())).name == "NothingToAsk"


def test_an_email_repeated_after_a_crash_has_the_same_message_id(world: World) -> None:
    """If the process dies before marking it as sent, the email is repeated with the same id; afterwards never."""
    person = cancelled_without_reason(world)
    make_due(world, person)
    unmarked = "UPDATE outbox SET delivered_at = NULL WHERE user_id = %s AND kind = 'reason_email'"
    due = "UPDATE cancellation_requests SET ask_why_at = now() - interval '1 second' WHERE user_id = %s"
    for again in (unmarked, None):
        if again:
            world.admin.execute(again, [person.user_id])
        world.admin.execute(due, [person.user_id])
        make_due(world, person)
    questions = [each for each in world.emails(person) if each["subject"] == QUESTION]
    assert len(questions) == 2
    assert len({each["message_id"] for each in questions}) == 1


def test_the_question_is_never_sent_before_the_confirmation(world: World) -> None:
    person = cancelled_without_reason(world)
    waiting = "UPDATE outbox SET delivered_at = NULL WHERE user_id = %s"
    world.admin.execute(waiting, [person.user_id])
    world.admin.execute("UPDATE cancellation_requests SET ask_why_at = now() WHERE user_id = %s", [person.user_id])
    other = cancelled_without_reason(world)
    make_due(world, other)  # proves that the sweep has run meanwhile
    assert request_of(world, person)["ask_why_at"] <= datetime.now(UTC)
    world.admin.execute("UPDATE outbox SET delivered_at = now() WHERE user_id = %s", [person.user_id])
    make_due(world, person)
    assert email(world, person)["received"] >= email(world, other)["received"]


def test_the_question_can_be_sent_without_a_delay(world: World) -> None:
    """REASON_EMAIL_AFTER=0: the email is sent within a minute of the event."""
    person = world.person("professional")
    with world.simulator.losing_webhooks():
        order(world, "portal", subscription=person.subscription_id, action="cancel")
        [event] = events_about(world, person.subscription_id, "customer.subscription.updated")
    # Keep it from the stack's trigger, whose emails wait an hour.
    world.admin.execute(
        "INSERT INTO stripe_events (id, type, change, created_at, livemode, subscription_id, tries, resume_at)"
        " VALUES (%s, %s, 'begins', now(), false, %s, 2, now() + interval '1 day')",
        [event.id, event.type, person.subscription_id],
    )

    here(handle_stripe_event.fn(event.id), reason_email_after=0)

    eventually(lambda: QUESTION in subjects(world, person))
    arrived = datetime.fromisoformat(email(world, person)["received"])
    assert arrived - datetime.fromtimestamp(event.created, UTC) < timedelta(seconds=60)
