"""Runs outages from their beginning to the final count in the external systems, many concurrently, each on a thread."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from threading import Barrier, Event, Semaphore
from typing import Any

from tests.faults.branches import Branch
from tests.faults.offer_branches import Acceptance
from tests.faults.outages import BEFORE_THE_REQUEST, Caller, Outage
from tests.faults.own_database import OwnServer, OwnWorld
from tests.faults.topic import Topic
from tests.faults.triggers import Trigger, Triggers
from tests.faults.wires import EFFECTS, Wires, wired
from tests.faults.wires_line import Fault, When
from tests.waiting import eventually
from tests.world import World

CONCURRENCY = 4  # concurrent requests; many more wait for their end
REACH_SECONDS = 60.0
BARRIER_SECONDS = 300.0


class Bench:
    """The shared setup of all outages. Each has its own trigger and database, so that it must finish its own work."""

    def __init__(self, world: World, triggers: Triggers, server: OwnServer, topic: Topic) -> None:
        self._world, self._triggers, self._topic = world, triggers, topic
        self.server = server
        self.calm = Event()  # no more restarts of the server
        self._asking = Semaphore(CONCURRENCY)

    def effects_of(self, branch: Branch | Acceptance) -> list[str]:
        """Return the effects of an undisturbed run."""
        with self._place() as (world, trigger, wires):
            person = branch.customer(world)
            assert branch.post(trigger.http, person, str(uuid.uuid4())).status_code == 200
            done = f"SELECT id FROM {branch.table} WHERE user_id = %s AND resume_at IS NULL"
            eventually(lambda: world.rows(done, person.user_id))
            return [*wires.effects]

    def cut(self, outage: Outage, fault: Fault) -> None:
        """Cut the network to a part, before the request or just before an effect."""
        with self._recording(outage), ExitStack() as place:
            with self._asking:
                world, trigger, wires = place.enter_context(self._place(outage.part))
                caller = self._caller(outage, world, trigger)
                self._ask_without(outage, fault, caller, wires)
            self._finish(caller)

    def failed_and_unread(self, outage: Outage, fault: Fault) -> None:
        """Let Stripe fail, then cut the database once that is recorded, so the response cannot be read from it."""
        with self._recording(outage), self._place() as (world, trigger, wires):
            with self._asking:
                caller = self._caller(outage, world, trigger)
                wires.fail("stripe", Fault.REFUSED)
                stop = wires.fail_at(outage.begins, When.AFTER, outage.part, fault)
                caller.ask()
                assert stop.reached.is_set(), f"the outage never began: {wires.effects}"
                wires.restore(outage.part)
                wires.restore("stripe")
            self._finish(caller)

    def faulty_responses(self, outages: list[tuple[Outage, list[dict[str, Any]]]]) -> None:
        """Let Stripe respond with these simulator faults, for one customer each, all through one trigger."""
        with self._place() as (world, trigger, _), ThreadPoolExecutor(len(outages)) as threads:
            for outage, faults in outages:
                threads.submit(self._faulty_response, outage, faults, world, trigger)

    def held(self, outage: Outage, when: When, ready: Barrier, restarted: Barrier, responded: Barrier) -> None:
        """Hold everything at an effect during a restart of the database, then continue."""
        with self._recording(outage, ready, restarted, responded), self._place() as (world, trigger, wires):
            caller = self._caller(outage, world, trigger)
            stop = wires.hold_at(outage.begins, when)
            ready.wait(BARRIER_SECONDS)
            with ThreadPoolExecutor(1) as threads:
                asking = threads.submit(caller.ask)
                reached = stop.reached.wait(REACH_SECONDS)
                restarted.wait(BARRIER_SECONDS)
                wires.release(stop)
                asking.result()
            responded.wait(BARRIER_SECONDS)
            assert reached, f"not reached, only {wires.effects}"
            self._finish_after_restarts(caller, world)

    def stopped(self, outage: Outage, stopped: Barrier, started: Barrier) -> None:
        """Send the request while the database is stopped."""
        with self._recording(outage, stopped, started), self._place() as (world, trigger, _):
            caller = self._caller(outage, world, trigger)
            stopped.wait(BARRIER_SECONDS)
            caller.ask()
            started.wait(BARRIER_SECONDS)
            self._finish_after_restarts(caller, world)

    def _ask_without(self, outage: Outage, fault: Fault, caller: Caller, wires: Wires) -> None:
        stop = None
        if outage.begins == BEFORE_THE_REQUEST:
            wires.fail(outage.part, fault)
        else:
            stop = wires.fail_at(outage.begins, When.BEFORE, outage.part, fault)
        caller.ask()
        if stop:
            assert stop.reached.wait(REACH_SECONDS), f"the outage never began: {wires.effects}"
        if not outage.waited_for:
            caller.wait_for_attempt()
        wires.restore(outage.part)

    def _faulty_response(self, outage: Outage, faults: list[dict[str, Any]], world: World, trigger: Trigger) -> None:
        with self._recording(outage):
            person = outage.branch.customer(world)
            caller = Caller(world, trigger, person, outage)
            with self._asking, ExitStack() as active:
                for fault in faults:
                    active.enter_context(world.simulator.fault(contains=person.subscription_id, **fault))
                caller.ask()
            self._finish(caller)

    def _caller(self, outage: Outage, world: World, trigger: Trigger) -> Caller:
        return Caller(world, trigger, outage.branch.customer(world), outage)

    def _finish_after_restarts(self, caller: Caller, world: OwnWorld) -> None:
        assert self.calm.wait(BARRIER_SECONDS)
        world.reconnect()
        self._finish(caller)

    def _finish(self, caller: Caller) -> None:
        caller.wait_until_done()
        caller.count(self._topic)

    @contextmanager
    def _place(self, *parts: str) -> Iterator[tuple[OwnWorld, Trigger, Wires]]:
        settings = self.server.settings_of_another_database()
        with (
            closing(OwnWorld(self._world, settings)) as world,
            wired(*{*EFFECTS, *parts}, settings=settings) as wires,
            self._triggers.started(**{**settings, **wires.settings()}) as trigger,
        ):
            yield world, trigger, wires

    @contextmanager
    def _recording(self, outage: Outage, *barriers: Barrier) -> Iterator[None]:
        """Record an outage's errors without ending the others, and release those that wait for it."""
        try:
            yield
        except Exception as error:
            for barrier in barriers:
                barrier.abort()
            outage.wrong.append(repr(error))
