"""Work that fails for hours waits for an operator, its customer gets an email, and the end date stays as requested."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import stripe

from deployments.operations.requests import Unfinished, resume, unfinished
from nodes.settings import DatabaseSettings, load
from tests.acceptance.subscribers import Clock, clock, subscriber
from tests.faults.unfinished import expire_lease, request_row, unfinished_request, when_done
from tests.waiting import eventually
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

DAY = 24 * 3600
LONG_AGO = timedelta(hours=7)


def listed(request_id: UUID | str) -> Unfinished:
    [found] = [request for request in unfinished(load(DatabaseSettings)) if request.id == str(request_id)]
    return found


def tried_for_hours(world: World, person: Person, **columns: Any) -> UUID:
    since = datetime.now(UTC) - LONG_AGO
    return unfinished_request(world, person, due=True, tries=12, runs=12, trying_since=since, **columns)


def run_about(world: World, request_id: UUID | str) -> Row | None:
    wanted = {
        "flows": {"name": {"any_": ["resume-unfinished"]}},
        "flow_runs": {"state": {"name": {"any_": ["NeedsAttention"]}}},
        "sort": "START_TIME_DESC",
    }
    runs: list[Row] = world.prefect.post("/flow_runs/filter", json=wanted).json()
    return next((run for run in runs if str(request_id) in run["state"]["message"]), None)


def test_a_cancellation_that_failed_for_hours_waits_until_an_operator_resumes_it(world: World) -> None:
    person = world.person("professional")

    request_id = tried_for_hours(world, person)

    row = when_done(world, request_id)
    assert (row["outcome"], row["recovery_point"]) == (None, "received")
    assert row["parked_at"] is not None
    assert world.simulator.writes(person.subscription_id) == []
    [email] = world.emails(person)
    assert email["subject"] == "Your cancellation is taking longer than it should"
    assert str(request_id) in email["text"]
    assert listed(request_id).stuck
    assert "needs attention" in listed(request_id).line()
    run = eventually(lambda: run_about(world, request_id))
    assert run is not None
    assert run["state_type"] == "FAILED"
    artifacts = world.prefect.post(
        "/artifacts/filter", json={"artifacts": {"flow_run_id": {"any_": [run["id"]]}}}
    ).json()
    assert any(f"`cancelflow resume {request_id}`" in artifact["data"] for artifact in artifacts)

    resume(load(DatabaseSettings), request_id)

    row = when_done(world, request_id)
    assert (row["outcome"], row["parked_at"]) == ("pending_cancellation", None)
    assert row["trying_since"] > row["received_at"]
    assert {each["subject"].partition(":")[0] for each in world.emails(person)} == {
        "Your cancellation is taking longer than it should",
        "Cancellation confirmed",
    }


def test_a_cancellation_is_parked_even_if_its_delay_email_cannot_be_sent(world: World) -> None:
    person = world.person("professional")
    world.admin.execute("UPDATE users SET email = 'not an address' WHERE id = %s", [person.user_id])

    request_id = tried_for_hours(world, person)

    assert when_done(world, request_id)["parked_at"] is not None


def test_a_cancellation_whose_period_ends_soon_is_never_parked(world: World) -> None:
    person = world.person("professional")
    soon = datetime.now(UTC) + timedelta(hours=12)
    with world.simulator.fault(kind="status", method="POST", contains=person.subscription_id, times=0) as hits:
        request_id = tried_for_hours(world, person, paid_until=soon, subscription_id=person.subscription_id)
        eventually(lambda: hits() > 0)
        row = eventually(partial(_tried_again, world, request_id))

    assert row is not None
    assert row["parked_at"] is None
    assert row["resume_at"] <= datetime.now(UTC) + timedelta(minutes=1)
    assert listed(request_id).stuck
    assert "urgent" in listed(request_id).line()
    run = eventually(lambda: run_about(world, request_id))
    assert run is not None
    assert world.emails(person) == []

    expire_lease(world, request_id)

    assert when_done(world, request_id)["outcome"] == "pending_cancellation"


def _tried_again(world: World, request_id: UUID) -> Row | None:
    row = request_row(world, request_id)
    return row if row["tries"] == 13 and row["billing_try"] == 2 else None


def test_a_renewal_charged_while_a_cancellation_was_delayed_is_refunded(world: World) -> None:
    on = clock(world)
    person = subscriber(world, on=on)
    request_id, renewal = _renewed_while_delayed(world, person, on)
    assert renewal.amount_paid > 0

    expire_lease(world, request_id)

    row = when_done(world, request_id)
    assert (row["outcome"], row["renewal_undone"]) == ("canceled", True)
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "canceled"
    after = world.stripe.invoices.retrieve(renewal.id or "")
    assert after.post_payment_credit_notes_amount == renewal.amount_paid
    [first] = [i for i in _invoices(world, person.subscription_id) if i.billing_reason == "subscription_create"]
    assert first.post_payment_credit_notes_amount == 0
    [email] = world.emails(person)
    assert "we've cancelled or refunded that charge" in " ".join(email["text"].split())


def test_a_renewal_paid_from_the_credit_balance_goes_back_to_it(world: World) -> None:
    on = clock(world)
    person = subscriber(world, on=on)
    customer = str(world.stripe.subscriptions.retrieve(person.subscription_id).customer)
    world.stripe.customers.update(customer, {"balance": -1000})
    request_id, renewal = _renewed_while_delayed(world, person, on)
    assert renewal.amount_paid == renewal.total - 1000

    expire_lease(world, request_id)

    assert when_done(world, request_id)["renewal_undone"]
    after = world.stripe.invoices.retrieve(renewal.id or "")
    assert after.post_payment_credit_notes_amount == renewal.total
    assert world.stripe.customers.retrieve(customer).balance == -1000


def _renewed_while_delayed(world: World, person: Person, on: Clock) -> tuple[UUID, stripe.Invoice]:
    """Leave a request unfinished until the subscription has renewed; return its id, and the renewal's invoice."""
    [item] = world.stripe.subscriptions.retrieve(person.subscription_id).items.data
    until = datetime.fromtimestamp(item.current_period_end, UTC)
    request_id = unfinished_request(world, person, subscription_id=person.subscription_id, paid_until=until)
    on.advance(on.now + 32 * DAY)
    [renewal] = [i for i in _invoices(world, person.subscription_id) if i.billing_reason == "subscription_cycle"]
    return request_id, renewal


def _invoices(world: World, subscription_id: str) -> list[stripe.Invoice]:
    return list(world.stripe.invoices.list({"subscription": subscription_id}).data)


def test_a_failed_write_is_retried_with_a_new_key_so_stripe_does_not_replay_it(world: World) -> None:
    person = world.person("professional")
    body = {"user_id": person.user_id, "reason": "unused"}
    headers = {**person.headers, "Idempotency-Key": "one"}
    with world.simulator.fault(kind="status", stored=True, method="POST", contains=person.subscription_id):
        failed = world.http.post("/cancel-subscription", json=body, headers=headers)
    again = world.http.post("/cancel-subscription", json=body, headers=headers)

    assert (failed.status_code, again.status_code) == (500, 200)
    assert world.request_id(failed) == world.request_id(again)
    keys = [write["idempotency_key"] for write in world.simulator.writes(person.subscription_id)]
    # The SDK retries a 500 once by itself, and Stripe replays it.
    assert keys == [f"{world.request_id(failed)}:6B:{n}" for n in (1, 1, 2)]


@contextmanager
def done_but_reported_as_failed(world: World, person: Person) -> Iterator[None]:
    """Let Stripe apply the change, but lose its response and all reads after step 2's, so the result stays unknown."""
    about = person.subscription_id
    with (
        world.simulator.fault(kind="delay", seconds=0, method="GET", contains=about),
        world.simulator.fault(kind="status", method="GET", contains=about, times=0),
        world.simulator.fault(kind="lost_answer", method="POST", contains=about),
        world.simulator.fault(kind="refuse", method="POST", contains=about, times=0),
    ):
        yield


def test_the_confirmation_corrects_an_earlier_report_of_failure(world: World) -> None:
    person = world.person("professional")
    with done_but_reported_as_failed(world, person):
        failed = world.cancel(person)
    assert failed.status_code == 500

    expire_lease(world, UUID(world.request_id(failed)))

    assert when_done(world, UUID(world.request_id(failed)))["outcome"] == "pending_cancellation"
    [email] = world.emails(person)
    assert "We told you that your cancellation had failed." in email["text"]


def test_a_discount_that_was_reported_as_failed_is_confirmed_once(world: World) -> None:
    assert world.accept(world.person("professional")).status_code == 200  # creates the coupon
    person = world.person("professional")
    with done_but_reported_as_failed(world, person):
        failed = world.accept(person)
    assert failed.status_code == 500
    request_id = UUID(world.request_id(failed))

    expire_lease(world, request_id)

    assert when_done(world, request_id)["outcome"] == "retained"
    [email] = world.emails(person)
    assert email["subject"] == "Your discount was added"
    assert "Your discount: 30% off for 3 months" in email["text"]
    expire_lease(world, request_id)
    when_done(world, request_id)
    assert len(world.emails(person)) == 1


def test_a_refusal_without_a_waiting_caller_is_emailed_to_the_customer(world: World) -> None:
    several, pending = world.person("two_subscriptions"), world.person("already_pending")

    refused = [unfinished_request(world, person, due=True) for person in (several, pending)]

    assert [when_done(world, each)["outcome"] for each in refused] == ["refused", "refused"]
    [email] = world.emails(several)
    assert email["subject"] == "We couldn't cancel your plan"
    assert "You have several subscriptions, and we couldn't tell which one you meant." in email["text"]
    assert world.emails(pending) == []  # they have what they asked for


def test_the_run_of_a_killed_process_does_not_stay_running(world: World) -> None:
    person = world.person("professional")
    made = world.prefect.get("/flows/name/cancel-subscription").json()
    orphan = world.prefect.post(
        "/flow_runs/", json={"flow_id": made["id"], "state": {"type": "RUNNING", "name": "Running"}}
    ).json()

    request_id = unfinished_request(world, person, due=True, flow_run_id=orphan["id"])

    row = when_done(world, request_id)
    assert str(row["flow_run_id"]) != orphan["id"]
    assert world.prefect.get(f"/flow_runs/{orphan['id']}").json()["state_type"] == "CRASHED"
