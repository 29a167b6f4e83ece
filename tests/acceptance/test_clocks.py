"""Differences between Stripe's clock and ours, however large: a customer keeps the paid period."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from stripe.params import SubscriptionCreateParams

from deployments.demo.catalog import Catalog
from tests.acceptance.subscribers import Clock, clock, subscriber
from tests.faults.unfinished import expire_lease, unfinished_request, when_done
from tests.reactivation.people import reactivate
from tests.waiting import eventually
from tests.world import Person, World

pytestmark = pytest.mark.slow

DAY = 24 * 3600
SKEWS = [40 * DAY, 60, 1, 0, -1, -60, -40 * DAY]


def period_end(world: World, person: Person) -> datetime:
    [item] = world.stripe.subscriptions.retrieve(person.subscription_id).items.data
    return datetime.fromtimestamp(item.current_period_end, UTC)


def refunds(world: World, person: Person) -> list[int]:
    invoices = world.stripe.invoices.list({"subscription": person.subscription_id}).data
    return [each.post_payment_credit_notes_amount for each in invoices]


def keeps_the_period(world: World, person: Person) -> None:
    response = world.cancel(person)

    assert (response.status_code, response.json().get("status")) == (200, "pending_cancellation"), response.text
    assert datetime.fromisoformat(response.json()["cancel_at"]) == period_end(world, person)
    assert world.stripe.subscriptions.retrieve(person.subscription_id).status == "active"
    assert set(refunds(world, person)) == {0}


@pytest.mark.parametrize("ahead", SKEWS)
def test_a_customer_who_cancels_right_after_subscribing_keeps_the_period(world: World, ahead: int) -> None:
    keeps_the_period(world, subscriber(world, on=clock(world, ahead=ahead)))


@pytest.mark.parametrize("ahead", [0, 60, -60, -100 * DAY])
def test_a_customer_who_cancels_after_a_renewal_keeps_the_renewed_period(world: World, ahead: int) -> None:
    on = clock(world, ahead=ahead)
    person = subscriber(world, on=on)
    on.advance(on.now + 40 * DAY)

    keeps_the_period(world, person)


@pytest.mark.parametrize("ahead", SKEWS)
def test_a_renewal_after_the_first_look_up_is_refunded(world: World, ahead: int) -> None:
    on, person, request_id = looked_up(world, ahead)
    on.advance(on.now + 32 * DAY)

    expire_lease(world, request_id)

    row = when_done(world, request_id)
    assert (row["outcome"], row["renewal_undone"]) == ("canceled", True)
    assert sum(amount > 0 for amount in refunds(world, person)) == 1


def test_a_renewal_of_one_item_of_several_is_refunded(world: World) -> None:
    on, prices = clock(world), Catalog(world.stripe_client)
    both: SubscriptionCreateParams = {
        "items": [
            {"price": prices.price("professional", "month")},
            {"price": prices.price("professional", "year")},
        ],
        "billing_mode": {"type": "flexible"},
    }
    person = subscriber(world, on=on, more=both)
    ends = [each.current_period_end for each in world.stripe.subscriptions.retrieve(person.subscription_id).items.data]
    request_id = unfinished_request(
        world, person, subscription_id=person.subscription_id, paid_until=datetime.fromtimestamp(min(ends), UTC)
    )
    on.advance(on.now + 32 * DAY)

    expire_lease(world, request_id)

    row = when_done(world, request_id)
    assert (row["outcome"], row["renewal_undone"]) == ("canceled", True)
    assert sum(amount > 0 for amount in refunds(world, person)) == 1


@pytest.mark.parametrize("ahead", SKEWS)
def test_a_cancellation_delayed_within_the_period_refunds_nothing(world: World, ahead: int) -> None:
    on, person, request_id = looked_up(world, ahead)
    on.advance(on.now + 20 * DAY)

    expire_lease(world, request_id)

    row = when_done(world, request_id)
    assert (row["outcome"], row["renewal_undone"]) == ("pending_cancellation", False)
    assert set(refunds(world, person)) == {0}


def looked_up(world: World, ahead: int) -> tuple[Clock, Person, UUID]:
    """Create a request that was looked up once and left unfinished."""
    on = clock(world, ahead=ahead)
    person = subscriber(world, on=on)
    until = period_end(world, person)
    return on, person, unfinished_request(world, person, subscription_id=person.subscription_id, paid_until=until)


def test_a_stale_row_is_not_taken_for_a_renewal(world: World) -> None:
    person = world.person("professional")
    old = datetime.now(UTC) - timedelta(days=70)
    world.admin.execute(
        "UPDATE subscriptions SET current_period_start = %s, current_period_end = %s WHERE id = %s",
        [old, old + timedelta(days=30), person.subscription_id],
    )

    keeps_the_period(world, person)


@pytest.mark.parametrize("ahead", SKEWS)
def test_a_customer_can_reactivate_until_stripe_has_ended_the_subscription(world: World, ahead: int) -> None:
    person = subscriber(world, on=clock(world, ahead=ahead))
    assert world.cancel(person).status_code == 200

    assert reactivate(world, person).status_code == 200


def test_a_charge_between_the_request_and_the_first_look_up_is_refunded(world: World) -> None:
    """Both Stripe's and the database's clocks run: a trial ends, and is charged for, while the request waits."""
    person = subscriber(world, trial_days=1)
    request_id = unfinished_request(world, person)
    in_a_while = int(time.time()) + 30  # Stripe refuses an end in the past, and this machine may be slow
    world.stripe.subscriptions.update(person.subscription_id, {"trial_end": in_a_while})
    eventually(lambda: world.stripe.subscriptions.retrieve(person.subscription_id).status == "active")

    expire_lease(world, request_id)

    row = when_done(world, request_id)
    assert (row["outcome"], row["renewal_undone"]) == ("canceled", True)
    assert sum(amount > 0 for amount in refunds(world, person)) == 1
