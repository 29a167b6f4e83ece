"""A trigger killed in the middle of a call for every subscription: another completes each, once."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from tests.acceptance.subscribers import subscribing_to
from tests.faults.triggers import Trigger, Triggers
from tests.waiting import eventually
from tests.world import Person, World

# The Stripe SDK triggers this httpx deprecation warning.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
]


def test_a_kill_between_two_subscriptions_loses_and_repeats_nothing(world: World, triggers: Triggers) -> None:
    person = subscribing_to(world, world.person("two_subscriptions"), "enterprise")
    held = person.subscription_ids[1]
    with (
        world.simulator.fault(kind="timeout", method="POST", contains=held, seconds=5) as hits,
        triggers.started() as trigger,
        ThreadPoolExecutor(1) as pool,
    ):
        asking = pool.submit(_ask, trigger, person)
        eventually(lambda: hits() == 1)
        trigger.kill()
        asking.result()

    rows = world.rows("SELECT id FROM cancellation_requests WHERE user_id = %s", person.user_id)
    assert len(rows) == 3
    world.admin.execute(
        "UPDATE cancellation_requests SET resume_at = now() WHERE user_id = %s AND resume_at IS NOT NULL",
        [person.user_id],
    )
    eventually(partial(_all_done, world, person))
    for each in person.subscription_ids:
        assert world.stripe.subscriptions.retrieve(each).cancel_at_period_end
        writes = [w for w in world.simulator.writes(each) if w["status"] == 200 and not w["replayed"]]
        assert len(writes) == 1
    assert len(world.emails(person)) == 3


def _ask(trigger: Trigger, person: Person) -> None:
    with pytest.raises(httpx.TransportError):
        trigger.cancel(person, every_subscription=True)


def _all_done(world: World, person: Person) -> bool:
    found = world.rows("SELECT outcome, resume_at FROM cancellation_requests WHERE user_id = %s", person.user_id)
    return [(row["outcome"], row["resume_at"]) for row in found] == [("pending_cancellation", None)] * 3
