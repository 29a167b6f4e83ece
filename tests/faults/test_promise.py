"""The promise under random actions and faults from a seed: every response comes true in the end."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from deployments.operations.requests import NothingToResume, resume
from nodes.settings import DatabaseSettings, load
from tests.acceptance.subscribers import clock, subscriber
from tests.faults.promise import Customer, Reply, broken, expire_leases, is_done, requests_of
from tests.faults.topic import Topic, subscribed
from tests.faults.triggers import Trigger, Triggers
from tests.waiting import eventually
from tests.world import World

pytestmark = pytest.mark.slow

CHOSEN = settings(
    max_examples=8,
    stateful_step_count=8,
    database=None,
    phases=(Phase.generate,),  # each step takes a second, so failures are not shrunk
)
FINISH_SECONDS = 300.0
DAY = 24 * 3600
# One call, or every call of one request: lost before or after the work, with an error or without a response.
FAULTS: dict[str, dict[str, Any]] = {
    "500": {"kind": "status", "times": 0},
    "500 once": {"kind": "status"},
    "no connection": {"kind": "refuse", "times": 0},
    "lost response": {"kind": "lost_answer"},
    "every response lost": {"kind": "lost_answer", "times": 0},
    "black hole": {"kind": "timeout"},
}


class Story(RuleBasedStateMachine):
    """The story of one customer, with a separate trigger beside the stack's."""

    def __init__(self, world: World, triggers: Triggers, topic: Topic) -> None:
        super().__init__()
        self._world, self._triggers, self._topic = world, triggers, topic
        self._clock = clock(world)
        self._customer = Customer(subscriber(world, on=self._clock))
        self._moves = 0
        self._running = ExitStack()
        self._trigger = self._start()

    @rule(accept=st.booleans(), keyed=st.booleans())
    def ask(self, accept: bool, keyed: bool) -> None:
        self._ask(accept, str(uuid.uuid4()) if keyed else None)

    @precondition(lambda self: self._customer.earlier_with_key(0))
    @rule(which=st.integers(0, 9))
    def ask_again(self, which: int) -> None:
        if earlier := self._customer.earlier_with_key(which):
            self._ask(earlier.accept, earlier.key)

    @rule(accept=st.booleans(), fault=st.sampled_from(sorted(FAULTS)))
    def ask_while_stripe_fails(self, accept: bool, fault: str) -> None:
        with self._world.simulator.fault(
            method="POST", contains=self._customer.person.subscription_id, **FAULTS[fault]
        ):
            self._ask(accept, str(uuid.uuid4()))

    @rule(accept=st.booleans(), done=st.booleans())
    def ask_and_kill_the_process(self, accept: bool, done: bool) -> None:
        person, key = self._customer.person, str(uuid.uuid4())
        kind = "delay" if done else "timeout"  # Stripe applies it after that, or never does
        with (
            self._world.simulator.fault(kind=kind, method="POST", contains=person.subscription_id, seconds=0.5) as hits,
            ThreadPoolExecutor(1) as threads,
        ):
            asking = threads.submit(self._post, accept, key)
            eventually(lambda: hits() or asking.done())  # it may be refused before it reaches Stripe
            self._trigger.kill()
            self._customer.replies.append(asking.result())
        expire_leases(self._world, person)
        self._trigger = self._start()

    @rule()
    def stop_and_start(self) -> None:
        self._trigger.terminate()
        assert self._trigger.wait() == 0
        self._trigger = self._start()

    @precondition(lambda self: self._customer.replies)
    @rule(which=st.integers(0, 9))
    def operator_resumes(self, which: int) -> None:
        requests = requests_of(self._world, self._customer.person)
        if not requests:
            return
        request_id = str(requests[which % len(requests)]["id"])
        try:
            resume(load(DatabaseSettings), UUID(request_id))
            self._customer.resumed.add(request_id)
        except NothingToResume:
            pass  # it was refused, or another is in progress

    @precondition(lambda self: self._customer.replies)
    @rule()
    def undo_in_the_portal(self) -> None:
        """Undo when no work is left, so that it does not compete with another request."""
        self._finish_all_work()
        person = self._customer.person
        if self._world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at_period_end:
            order = {"subscription": person.subscription_id, "action": "undo"}
            url = f"{self._world.addresses['stripe']}/_simulator/portal"
            assert httpx.post(url, json=order).status_code == 200
            self._customer.undone += 1

    @precondition(lambda self: self._moves < 3)
    @rule()
    def days_pass(self) -> None:
        """Days pass inside the period, in Stripe; here, earlier keys expire, and so does every lease."""
        self._moves += 1
        self._finish_all_work()
        self._clock.advance(self._clock.now + 5 * DAY)
        self._world.admin.execute(
            "UPDATE idempotency_keys SET created_at = created_at - interval '5 days' WHERE user_id = %s",
            [self._customer.person.user_id],
        )

    @invariant()
    def at_most_one_discount(self) -> None:
        found = self._world.stripe.subscriptions.retrieve(self._customer.person.subscription_id)
        assert len(found.discounts) <= 1

    def teardown(self) -> None:
        try:
            self._finish_all_work()
            wrong = broken(self._world, self._customer, self._topic)
            assert wrong == [], self._customer
        finally:
            self._running.close()

    def _ask(self, accept: bool, key: str | None) -> None:
        self._customer.replies.append(self._post(accept, key))

    def _post(self, accept: bool, key: str | None) -> Reply:
        ask = self._trigger.accept if accept else self._trigger.cancel
        return Reply.by(partial(ask, self._customer.person, key=key), accept=accept, key=key)

    def _finish_all_work(self) -> None:
        """Let time pass until all waiting work is done."""
        person, deadline = self._customer.person, time.monotonic() + FINISH_SECONDS
        while not is_done(self._world, person):
            assert time.monotonic() < deadline, requests_of(self._world, person)
            expire_leases(self._world, person)
            eventually(lambda: time.monotonic() > deadline or self._looked_at(), within=FINISH_SECONDS)

    def _looked_at(self) -> bool:
        """Return whether none of their requests is due now."""
        due = "SELECT id FROM cancellation_requests WHERE user_id = %s AND resume_at <= now() + interval '1 second'"
        return not self._world.rows(due, self._customer.person.user_id)

    def _start(self) -> Trigger:
        return self._running.enter_context(self._triggers.started())


@pytest.fixture(scope="module")
def topic(world: World) -> Iterator[Topic]:
    with subscribed() as topic:
        yield topic


def test_every_response_comes_true(world: World, triggers: Triggers, topic: Topic) -> None:
    class ThisStory(Story):
        def __init__(self) -> None:
            super().__init__(world, triggers, topic)

    run_state_machine_as_test(ThisStory, settings=CHOSEN)
