"""A customer who ends several subscriptions one by one: the data is kept until the last has ended (W17, G07)."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from flows.delete_expired_data import delete_expired_data
from flows.notify_before_deletion import notify_before_deletion
from tests.acceptance.consumer import body, consuming
from tests.acceptance.subscribers import Clock, clock, subscriber, subscribing_to
from tests.deletion.days import day_after_the_end
from tests.deletion.former_customers import swept
from tests.reactivation.people import jobs, subjects
from tests.webhooks.events import deliver, events_about, order, settled
from tests.world import Person, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]

DAY = 24 * 3600
FIRST, LAST = 0, 1
NOTICE = "We'll delete your data on "

# Merges the events of the first subscription and of the last, each in the order of occurrence, into an order of
# arrival.
Order = Callable[[list[str], list[str]], list[str]]
ORDERS: dict[str, Order] = {
    "as they happened": lambda first, last: [*first, *last],
    "backwards": lambda first, last: [*first, *last][::-1],
    "the last first": lambda first, last: [*last, *first],
    "in turns and twice": lambda first, last: [e for pair in zip(last, first, strict=True) for e in pair] * 2,
}


class Remaining(NamedTuple):
    """The data that is left of a customer."""

    jobs: list[str]
    users: int
    notices: int
    deletions: int


def remaining(world: World, person: Person) -> Remaining:
    notices = [subject for subject in subjects(world, person) if subject.startswith(NOTICE)]
    users = world.rows("SELECT FROM users WHERE id = %s", person.user_id)
    deletions = world.rows("SELECT FROM data_deletions WHERE user_id = %s", person.user_id)
    return Remaining(jobs(world, person), len(users), len(notices), len(deletions))


def run_nightly_flows(world: World, person: Person, day: float, *, which: int) -> Remaining:
    """Run the nightly flows so many days after the end of that subscription."""
    day_after_the_end(world, person, day, which=which)
    swept(notify_before_deletion)
    swept(delete_expired_data, dry_run=False)
    return remaining(world, person)


def with_two(world: World) -> tuple[Person, Clock]:
    on = clock(world)
    return subscribing_to(world, subscriber(world, on=on), "starter"), on


def leaves(world: World, person: Person, on: Clock, which: int) -> None:
    """Cancel in Stripe's portal, and let the period end."""
    order(world, "portal", subscription=person.subscription_ids[which], action="cancel")
    end = world.stripe.subscriptions.retrieve(person.subscription_ids[which]).cancel_at
    assert end is not None
    on.advance(end + 60)


@pytest.mark.parametrize("come", ORDERS.values(), ids=list(ORDERS))
def test_the_data_is_deleted_after_the_last_end_in_any_order_of_events(world: World, come: Order) -> None:
    with consuming() as consumer:
        with world.simulator.losing_webhooks():
            person, on = with_two(world)
            leaves(world, person, on, FIRST)
            leaves(world, person, on, LAST)  # a month later
            first, last = (
                [e.id for e in events_about(world, each) if e.type.endswith(("updated", "deleted"))][-2:]
                for each in person.subscription_ids
            )
        for event in come(first, last):
            assert deliver(world, event).status_code == 200
        settled(world, person, events=4)
        published = [body(message)["event"] for message in consumer.everything_of(person.user_id)]
    assert sorted(published) == ["subscription.canceled"] * 2 + ["subscription.ended"] * 2

    scheduled = ["scheduled", "scheduled"]
    assert run_nightly_flows(world, person, 76, which=FIRST) == Remaining(scheduled, users=1, notices=0, deletions=0)
    assert run_nightly_flows(world, person, 91, which=FIRST) == Remaining(scheduled, users=1, notices=0, deletions=0)
    assert run_nightly_flows(world, person, 77, which=LAST) == Remaining(scheduled, users=1, notices=1, deletions=0)
    assert run_nightly_flows(world, person, 91, which=LAST) == Remaining(
        ["done", "done"], users=0, notices=1, deletions=1
    )


def test_reactivating_one_subscription_postpones_the_deletion(world: World) -> None:
    person, on = with_two(world)
    leaves(world, person, on, FIRST)
    settled(world, person, events=2)
    order(world, "portal", subscription=person.subscription_ids[LAST], action="cancel")
    settled(world, person, events=3)
    order(world, "portal", subscription=person.subscription_ids[LAST], action="undo")
    settled(world, person, events=4)

    for day in (77, 91):
        assert run_nightly_flows(world, person, day, which=FIRST) == Remaining(
            ["scheduled", "cancelled"], 1, notices=0, deletions=0
        )
    put_off = "SELECT put_off_reason FROM data_retention_jobs WHERE user_id = %s AND put_off_until > now()"
    assert world.row(put_off, person.user_id)["put_off_reason"] == "live_subscription"

    # They cancel that one too: now its end counts.
    leaves(world, person, on, LAST)
    settled(world, person, events=6)
    waits = ["scheduled", "cancelled", "scheduled"]
    assert run_nightly_flows(world, person, 60, which=LAST) == Remaining(waits, users=1, notices=0, deletions=0)
    assert run_nightly_flows(world, person, 77, which=LAST) == Remaining(waits, users=1, notices=1, deletions=0)
    assert run_nightly_flows(world, person, 91, which=LAST) == Remaining(
        ["done", "cancelled", "done"], 0, notices=1, deletions=1
    )
