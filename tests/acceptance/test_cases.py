"""Each kind of customer: FEATURES W02, W11, W12, W14, W22 to W24, W45, and SPEC, Decided 5 to 7."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import stripe
from babel.dates import format_date

from deployments.demo.cases import CASES
from deployments.demo.customers import FAILING_CARD
from tests.acceptance.consumer import body, consuming
from tests.acceptance.subscribers import clock, paused, subscriber, unpaid_from_the_start
from tests.waiting import eventually
from tests.webhooks.events import order
from tests.world import Person, Row, World, links

PENDING = "Subscription already scheduled for cancellation"
NOTHING = "No active subscription to cancel"
AUCKLAND = ZoneInfo("Pacific/Auckland")


@dataclass(frozen=True)
class Expected:
    """The response to a cancellation, and the number of writes to Stripe; `refusal` is a rejection's text."""

    status: int
    writes: int
    refusal: str | None = None
    row: str | None = "pending_cancellation"
    stripe: str | None = "active"


CANCELLED = Expected(200, writes=1)
EXPECTED = {
    "starter": CANCELLED,
    "professional": CANCELLED,
    "enterprise": CANCELLED,
    "already_pending": Expected(409, writes=0, refusal=PENDING),
    "pending_in_stripe_only": Expected(409, writes=0, refusal=PENDING),
    "no_subscription": Expected(404, writes=0, refusal=NOTHING, row=None, stripe=None),
    "two_subscriptions": Expected(
        409, writes=0, refusal="Several active subscriptions: name one in subscription_id", row="active"
    ),
    "schedule_managed": Expected(200, writes=1),
    # The period was not paid for, so it is not kept.
    "past_due": Expected(200, writes=1, row="canceled", stripe="canceled"),
    "trialing": Expected(200, writes=1, stripe="trialing"),
    "yearly": CANCELLED,
    "already_discounted": CANCELLED,
    "other_locale": CANCELLED,
}


def rfc3339(timestamp: int | None) -> str:
    assert timestamp is not None
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_auckland(at: datetime) -> str:
    """Return the date there in German."""
    return format_date(at.astimezone(AUCKLAND), "d. MMMM y", locale="de")


def status_of(world: World, person: Person) -> str:
    return str(world.row("SELECT status FROM subscriptions WHERE id = %s", person.subscription_id)["status"])


def test_every_demo_case_is_tested() -> None:
    assert set(EXPECTED) == {case.name for case in CASES}


@pytest.mark.parametrize("case", EXPECTED)
def test_each_case_gets_the_expected_response(world: World, case: str) -> None:
    expected, person = EXPECTED[case], world.person(case)
    before = {each: len(world.simulator.writes(each)) for each in person.subscription_ids}

    response = world.cancel(person)

    assert response.status_code == expected.status
    result = response.json()
    assert result.get("detail") == expected.refusal
    assert result["success"] is (expected.refusal is None)
    for subscription_id in person.subscription_ids:
        found = world.stripe.subscriptions.retrieve(subscription_id)
        assert found.status == expected.stripe
        assert len(world.simulator.writes(subscription_id)) - before[subscription_id] == expected.writes
        row = world.row("SELECT * FROM subscriptions WHERE id = %s", subscription_id)
        assert row["status"] == expected.row
        assert (found.cancel_at is not None) == (expected.row == "pending_cancellation")
        assert row["cancel_at"] == (datetime.fromtimestamp(found.cancel_at, UTC) if found.cancel_at else None)
    if expected.status == 200:
        cancelled = world.stripe.subscriptions.retrieve(person.subscription_id)
        assert (result["status"], result["cancel_at"]) == (
            expected.row,
            rfc3339(cancelled.cancel_at or cancelled.ended_at),
        )
        assert cancelled.cancel_at in (None, cancelled.items.data[0].current_period_end)
    assert len(world.emails(person)) == (1 if expected.status == 200 else 0)
    [audit] = world.rows("SELECT http_status FROM audit_log WHERE user_id = %s", person.user_id)
    assert audit["http_status"] == expected.status


def past_due(world: World) -> tuple[Person, stripe.Invoice]:
    """Create a customer whose renewal could not be collected, and return its invoice too."""
    person = world.person("past_due")
    [unpaid] = world.stripe.invoices.list({"subscription": person.subscription_id, "status": "open"}).data
    return person, unpaid


def test_a_customer_who_paid_nothing_for_the_period_ends_now_and_owes_nothing(world: World) -> None:
    """FEATURES F18, C23."""
    person, unpaid = past_due(world)

    response = world.cancel(person)

    after = {each.id: each for each in world.stripe.invoices.list({"subscription": person.subscription_id}).data}
    assert (after[unpaid.id].status, after[unpaid.id].next_payment_attempt) == ("void", None)
    assert [each.status for each in after.values() if each.id != unpaid.id] == ["paid"]
    assert response.json()["status"] == "canceled"
    [email] = world.emails(person)
    for part in (email["text"], email["html"]):
        assert "won't try to collect it again" in " ".join(part.split())
        assert "still open" not in part.lower()
    shown = world.http.get("/subscription", params={"subscription_id": person.subscription_id}, headers=person.headers)
    assert shown.json()["access"] is False
    [write] = world.simulator.writes(unpaid.id)
    assert write["idempotency_key"] == f"{world.request_id(response)}:6B:void:{unpaid.id}:1"
    run = world.run_of(response)
    eventually(lambda: f"voided invoice {unpaid.id}: nothing was paid on it" in lines_of(world, run["id"]))


def test_a_partly_paid_period_is_kept_and_the_email_names_the_open_invoice(world: World) -> None:
    person, unpaid = past_due(world)
    order(world, "part_payment", invoice=unpaid.id, amount=100)

    response = world.cancel(person)

    assert response.json()["status"] == "pending_cancellation"
    [email] = world.emails(person)
    for part in (email["text"], email["html"]):
        assert "invoice is still open" in part.lower()
        assert unpaid.hosted_invoice_url in part
    after = world.stripe.invoices.retrieve(unpaid.id)
    assert (after.status, after.amount_paid) == ("open", 100)
    assert after.next_payment_attempt == unpaid.next_payment_attempt
    assert world.http.get("/subscription", headers=person.headers).json()["access"] is True


@pytest.mark.slow
def test_an_invoice_that_cannot_be_voided_yet_delays_the_request_without_failing_it(world: World) -> None:
    """Stripe has already cancelled the subscription, and returns the same response for the same idempotency key."""
    person, unpaid = past_due(world)
    with world.simulator.fault(kind="status", method="POST", contains=unpaid.id, stored=True):
        response = world.cancel(person)
    assert response.status_code == 202

    def finished() -> Row | None:
        row = world.row("SELECT * FROM cancellation_requests WHERE user_id = %s", person.user_id)
        return row if row["resume_at"] is None else None

    row = eventually(finished)
    assert row is not None
    assert (row["outcome"], row["invoices_voided"]) == ("canceled", True)
    assert world.stripe.invoices.retrieve(unpaid.id).status == "void"
    [email] = world.emails(person)
    assert "won't try to collect it again" in " ".join(email["text"].split())


def lines_of(world: World, run_id: str) -> str:
    wanted = {"logs": {"flow_run_id": {"any_": [run_id]}}, "limit": 200}
    return str(world.prefect.post("/logs/filter", json=wanted).json())


def test_a_cancelled_trial_runs_to_its_end_without_a_charge(world: World) -> None:
    time = clock(world)
    person = subscriber(world, on=time, trial_days=14)
    offer = world.http.get("/retention-offer", headers=person.headers).json()

    response = world.cancel(person)

    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert found.cancel_at == found.trial_end == time.now + 14 * 24 * 3600
    assert response.json()["cancel_at"] == rfc3339(found.trial_end)
    assert offer == {"retention_offer": None, "show_offer": False}
    time.advance(found.cancel_at + 1)
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "canceled"
    invoices = world.stripe.invoices.list({"subscription": person.subscription_id}).data
    assert [invoice.amount_due for invoice in invoices] == [0]


def test_a_paid_year_is_kept_in_full(world: World) -> None:
    person = world.person("yearly")
    offer = world.http.get("/retention-offer", headers=person.headers).json()
    accepted = world.accept(person)

    response = world.cancel(person)

    assert offer == {"retention_offer": None, "show_offer": False}
    assert accepted.status_code == 409
    [item] = world.stripe.subscriptions.retrieve(person.subscription_id).items.data
    assert response.json()["cancel_at"] == rfc3339(item.current_period_end)
    length = timedelta(seconds=item.current_period_end - item.current_period_start)
    assert length in (timedelta(days=365), timedelta(days=366))


def test_a_schedule_is_released_once_before_the_subscription_is_cancelled(world: World) -> None:
    person = world.person("schedule_managed")
    schedule = world.stripe.subscriptions.retrieve(person.subscription_id).schedule
    assert isinstance(schedule, str)
    offer = world.http.get("/retention-offer", headers=person.headers).json()

    response = world.cancel(person)

    assert response.status_code == 200
    released = world.stripe.subscription_schedules.retrieve(schedule)
    assert (released.status, released.released_subscription) == ("released", person.subscription_id)
    after = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert (after.schedule, after.cancel_at_period_end) == (None, True)
    request_id = world.request_id(response)
    [release] = world.simulator.writes(schedule)
    [update] = world.simulator.writes(person.subscription_id)[-1:]
    assert release["path"] == f"/v1/subscription_schedules/{schedule}/release"
    assert (release["idempotency_key"], update["idempotency_key"]) == (
        f"{request_id}:6B:release:1",
        f"{request_id}:6B:1",
    )
    assert release["sequence"] < update["sequence"]
    [email] = world.emails(person)
    for part in (email["text"], email["html"]):
        assert "You had a plan change scheduled" in part
    assert offer == {"retention_offer": None, "show_offer": False}
    row = world.row("SELECT released_schedule FROM cancellation_requests WHERE user_id = %s", person.user_id)
    assert row["released_schedule"] == schedule


def test_a_cancellation_made_in_the_portal_is_found_and_the_row_repaired(world: World) -> None:
    person = world.person("pending_in_stripe_only")
    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert (found.cancel_at_period_end, status_of(world, person)) == (False, "active")
    assert found.cancel_at is not None

    response = world.cancel(person)

    assert (response.status_code, response.json()["detail"]) == (409, PENDING)
    row = world.row("SELECT * FROM subscriptions WHERE id = %s", person.subscription_id)
    assert (row["status"], row["cancel_at_period_end"]) == ("pending_cancellation", True)
    assert row["cancel_at"] == datetime.fromtimestamp(found.cancel_at, UTC)
    belongings = world.belongings(person.user_id)
    assert belongings["outbox"] == belongings["data_retention_jobs"] == belongings["cancellation_reasons"] == []


def test_only_the_named_one_of_two_subscriptions_is_cancelled(world: World) -> None:
    person = world.person("two_subscriptions")
    [kept, named] = person.subscription_ids
    other = world.stripe.subscriptions.retrieve(kept)
    other_row = world.row("SELECT * FROM subscriptions WHERE id = %s", kept)
    writes = len(world.simulator.writes(kept))

    asked = world.cancel(person)
    response = world.cancel(person, subscription_id=named)

    assert sorted(asked.json()["subscriptions"], key=lambda choice: str(choice["plan"])) == [
        {"subscription_id": kept, "plan": "professional", "status": "active"},
        {"subscription_id": named, "plan": "starter", "status": "active"},
    ]
    assert (response.status_code, response.json()["status"]) == (200, "pending_cancellation")
    assert world.stripe.subscriptions.retrieve(named).cancel_at_period_end
    assert world.stripe.subscriptions.retrieve(kept) == other
    assert world.row("SELECT * FROM subscriptions WHERE id = %s", kept) == other_row
    assert len(world.simulator.writes(kept)) == writes


def test_look_ups_require_a_subscription_id_when_there_are_several(world: World) -> None:
    person = world.person("two_subscriptions")

    for path in ("/retention-offer", "/subscription"):
        unnamed = world.http.get(path, headers=person.headers)
        named = world.http.get(path, headers=person.headers, params={"subscription_id": person.subscription_ids[1]})
        assert (unnamed.status_code, len(unnamed.json()["subscriptions"])) == (409, 2)
        assert named.status_code == 200
    assert named.json()["plan"] == "starter"


def test_a_customer_is_written_to_in_their_language_and_time_zone(world: World) -> None:
    person = world.person("other_locale")

    response = world.cancel(person)

    ends = datetime.fromisoformat(response.json()["cancel_at"])
    kept = datetime.fromisoformat(response.json()["data_retention_until"])
    day, last_day = in_auckland(ends), in_auckland(kept)
    there = ends.astimezone(AUCKLAND)
    time = f"{there:%H:%M} Uhr {there:%Z}"
    [email] = world.emails(person)
    assert email["subject"] == f"Kündigung bestätigt: Ihr Abonnement „Professional“ endet am {day}"
    for part in (email["text"], email["html"]):
        assert "Jürgen Groß" in part
        assert f"{day} um {time}" in part
        assert part.count(day) >= 1
        assert part.count(last_day) >= 2
    # Programs read the same time, whatever the displayed format.
    assert re.findall(r'<time datetime="([^"]+)"', email["html"])[1] == response.json()["cancel_at"]
    banner = world.http.get("/subscription", headers=person.headers).json()["banner"]
    assert banner == f"Gekündigt zum {day}"


@pytest.mark.parametrize(("make", "status"), [(unpaid_from_the_start, "incomplete"), (paused, "paused")])
def test_a_subscription_that_would_never_reach_its_period_end_is_ended_immediately(
    world: World, make: Callable[[World], Person], status: str
) -> None:
    person = make(world)
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == status

    with consuming() as consumer:
        response = world.cancel(person, feedback="not for me")
        world.tried(person)
        event, *_ = consumer.everything_of(person.user_id)  # Stripe's event about the end may be there as well

    ended = world.stripe.subscriptions.retrieve(person.subscription_id)
    assert (response.status_code, ended.status) == (200, "canceled")
    assert response.json() == {
        "success": True,
        "status": "canceled",
        "cancel_at": rfc3339(ended.ended_at),
        "data_retention_until": rfc3339((ended.ended_at or 0) + 90 * 24 * 3600),
    }
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.comment == "not for me"
    [end] = world.simulator.writes(person.subscription_id)
    assert (end["method"], end["path"]) == ("DELETE", f"/v1/subscriptions/{person.subscription_id}")
    assert body(event)["effective_at"] == response.json()["cancel_at"]
    row = world.row("SELECT * FROM subscriptions WHERE id = %s", person.subscription_id)
    assert (row["status"], rfc3339(int(row["ended_at"].timestamp()))) == ("canceled", response.json()["cancel_at"])
    [email] = world.emails(person)
    assert "has ended" in email["text"]
    assert set(links(email)) == {"feedback"}
    seen = world.http.get("/subscription", headers=person.headers).json()
    assert (seen["status"], seen["access"], seen["banner"]) == ("canceled", False, None)


def test_a_subscription_that_ended_in_stripe_unnoticed_is_not_cancelled_again(world: World) -> None:
    person = world.person("professional")
    with world.simulator.losing_webhooks():
        world.stripe.subscriptions.cancel(person.subscription_id)
    writes = len(world.simulator.writes(person.subscription_id))

    responses = [
        world.cancel(person),
        world.accept(person),
        world.cancel(person, subscription_id=person.subscription_id),
    ]

    assert [(response.status_code, response.json()["detail"]) for response in responses] == [(404, NOTHING)] * 3
    assert len(world.simulator.writes(person.subscription_id)) == writes
    assert status_of(world, person) == "canceled"
    assert world.emails(person) == []


def test_a_subscription_that_was_never_paid_for_cannot_be_cancelled(world: World) -> None:
    time = clock(world)
    person = subscriber(world, card=FAILING_CARD, on=time)
    time.advance(time.now + 24 * 3600)
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "incomplete_expired"

    response = world.cancel(person)

    assert (response.status_code, response.json()["detail"]) == (404, NOTHING)
    assert status_of(world, person) == "incomplete_expired"
