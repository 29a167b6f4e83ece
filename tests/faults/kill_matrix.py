"""Kills a process beside every external effect of every path through a flow, and checks the result of each.

The effects are those that the wires record in an undisturbed run, so new nodes are covered automatically. Every process
is killed with one piece of work in it; meanwhile and afterwards the stack's trigger resumes the unfinished work on its
own.
"""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import httpx

from tests.faults.tables import table
from tests.faults.topic import Event, Topic
from tests.faults.triggers import Process, Triggers
from tests.faults.watch import Watch
from tests.faults.wires import EFFECTS, Stop, Wires, wired
from tests.faults.wires_line import When
from tests.world import Person, World

CONCURRENCY = 4
REACH_SECONDS = 60.0
CALL_AGAIN_SECONDS = 0.3  # for a process that has received its response to make another call
FINISH_SECONDS = 300.0
ATTEMPTS = 3  # to reach an effect


@dataclass(frozen=True, eq=False)
class Way(ABC):
    """One path through a flow. With `whole` all its effects are tested, otherwise only those of no whole path."""

    name: str
    whole: bool = True
    # Unfinished work of one point could carry out the next one's effect: each waits until the one before is done.
    one_at_a_time: bool = False
    # Parts of the names of effects that are tested also where another whole path has them.
    always: tuple[str, ...] = ()

    # The effect that commits the intent: killed just before it, there is nothing to lose. None if it exists beforehand.
    intent: ClassVar[str | None] = None

    @abstractmethod
    def person(self, world: World) -> Person:
        """Create a customer who takes this path."""

    def process(
        self, world: World, triggers: Triggers, person: Person, settings: dict[str, str]
    ) -> AbstractContextManager[Process]:
        """Run the process to kill; by default a trigger."""
        del world, person
        return triggers.started(**settings)

    @abstractmethod
    def ask(self, process: Process, person: Person, key: str) -> httpx.Response | None:
        """Make the process do the work, until it responds or ends; raises `httpx.TransportError` if it dies."""

    def after_kill(self, world: World, person: Person) -> None:
        """Do what the caller does on its own, such as retry; by default nothing."""
        del world, person

    @abstractmethod
    def wrong(self, world: World, person: Person, events: list[Event]) -> list[str]:
        """Return missing or extra effects in the external systems, when no work is left."""

    def left(self, world: World, person: Person, events: list[Event]) -> list[str]:
        """Return effects of work that was never received; there should be none."""
        raise AssertionError(f"{self.name} commits an intent, and does not say what must not be left without one")

    def ask_again(self, world: World, person: Person, key: str) -> httpx.Response | None:
        """Repeat the request on the stack's trigger."""
        del world, person, key
        return None


@dataclass
class Point:
    """One process killed beside one effect, and what became of its work."""

    way: Way
    effect: str
    when: When
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    person: Person | None = None
    response: httpx.Response | None = None
    seconds: tuple[float, float] = (0.0, 0.0)  # from the kill until it was resumed, and until no work was left
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.way.name}, {self.when} {self.effect}: {'; '.join(self.wrong)}"


class Matrix:
    """All points: kills each, and waits for its work to finish.

    `settings`: of the processes, besides the stack's. `parts`: those with effects.
    """

    def __init__(
        self,
        ways: Sequence[Way],
        world: World,
        triggers: Triggers,
        topic: Topic,
        watch: Watch,
        settings: Mapping[str, str] = MappingProxyType({}),
        parts: Sequence[str] = EFFECTS,
    ) -> None:
        self._world, self._triggers, self._topic, self._watch = world, triggers, topic, watch
        self._settings, self._parts = settings, parts
        self.ways = ways
        self.undisturbed: dict[Way, list[str]] = {}
        self.points: list[Point] = []

    def run(self) -> None:
        with ThreadPoolExecutor(CONCURRENCY) as threads:
            self.undisturbed = dict(zip(self.ways, threads.map(self._record, self.ways), strict=True))
        usual = {effect for way, effects in self.undisturbed.items() if way.whole for effect in effects}
        # The rarest first, and sequentially for each effect: if two ran concurrently, or one had already been resumed,
        # the second would not find the coupon missing.
        beside = [
            [Point(way, effect, when) for when in When]
            for way in sorted(self.ways, key=lambda way: way.whole)
            for effect in self.undisturbed[way]
            if way.whole or effect not in usual or any(each in effect for each in way.always)
        ]
        self.points = [point for points in beside for point in points]
        with ThreadPoolExecutor(CONCURRENCY) as threads:
            list(threads.map(self._kill_one_after_the_other, beside))
        self._watch.until_done(FINISH_SECONDS)
        with ThreadPoolExecutor(CONCURRENCY) as threads:
            list(threads.map(self._judge, (point for point in self.points if not point.wrong)))

    def of(self, way: Way) -> list[Point]:
        return [point for point in self.points if point.way is way]

    def _record(self, way: Way) -> list[str]:
        person = way.person(self._world)
        with (
            self._wired() as wires,
            way.process(self._world, self._triggers, person, {**self._settings, **wires.settings()}) as process,
        ):
            response = way.ask(process, person, str(uuid.uuid4()))
            assert response is None or response.status_code in (200, 202), response.text  # 202: a busy machine
            self._watch.add(person)
            self._watch.until_done(FINISH_SECONDS)
            return list(wires.effects)

    def _kill_one_after_the_other(self, points: list[Point]) -> None:
        for point in points:
            self._kill(point)
            if point.way.one_at_a_time and point.person and not point.wrong:
                self._watch.until_done_for(point.person, FINISH_SECONDS)

    def _kill(self, point: Point) -> None:
        try:
            for attempt in range(1, ATTEMPTS + 1):
                if self._killed(point, last=attempt == ATTEMPTS):
                    break
            assert point.person
            point.way.after_kill(self._world, point.person)
            self._watch.add(point.person)
        except Exception as error:  # an error at one point must not end the others
            point.wrong.append(repr(error))

    def _killed(self, point: Point, *, last: bool) -> bool:
        """Kill a process at the effect. Returns False if it was not reached, since a busy machine failed a call."""
        person = point.person = point.way.person(self._world)
        with self._wired() as wires:
            settings = {**self._settings, **wires.settings()}
            stop = wires.freeze_at(point.effect, point.when)
            with (
                point.way.process(self._world, self._triggers, person, settings) as process,
                ThreadPoolExecutor(1) as threads,
            ):
                asking = threads.submit(_ask, point, process, stop)
                reached = stop.reached.wait(REACH_SECONDS)
                assert reached or not last, f"it was not reached, only {wires.effects}"
                if reached and point.when is When.AFTER:
                    wires.called_again.wait(CALL_AGAIN_SECONDS)
                process.kill()
                error = asking.exception()
                assert error is None or isinstance(error, httpx.TransportError), error
                point.response = None if error else asking.result()
        return reached

    def _wired(self) -> AbstractContextManager[Wires]:
        return wired(*self._parts, alone=True, settings=self._settings)

    def _judge(self, point: Point) -> None:
        try:
            assert point.person
            events = self._topic.events_of(point.person.user_id)
            if point.way.intent and point.way.intent in point.effect and point.when is When.BEFORE:
                point.wrong += point.way.left(self._world, point.person, events)
            else:
                watched = self._watch.of(point.person)
                point.seconds = watched.resumed_after, watched.done_after
                point.wrong += point.way.wrong(self._world, point.person, events)
                point.wrong += self._ask_again(point, point.person)
        except Exception as error:
            point.wrong.append(repr(error))

    def _ask_again(self, point: Point, person: Person) -> list[str]:
        """Check that a repeat, and the first response if any, match the recorded response."""
        recorded, answered = self._watch.of(person).response, self._watch.of(person).answered
        again = point.way.ask_again(self._world, person, point.key)
        final = point.response is not None and not _goes_on(point.response)
        wrong = ["responded before there was a result"] if final and not answered else []
        for response in (point.response, again):
            if response is point.response and _goes_on(response):
                continue  # a slow machine reached the caller's deadline, and "in progress" was true
            if response is not None and (response.status_code, response.json()) != (200, recorded):
                wrong.append(f"responded {response.status_code} {response.text}, recorded {recorded}")
        return wrong


def _goes_on(response: httpx.Response | None) -> bool:
    return response is not None and response.status_code == 202 and response.json()["status"] == "in_progress"


def _ask(point: Point, process: Any, stop: Stop) -> httpx.Response | None:
    """Send the request, and retry after 503 like a caller: a slow machine may not get a connection in time."""
    assert point.person
    response = point.way.ask(process, point.person, point.key)
    while response is not None and response.status_code == 503 and not stop.reached.is_set():
        response = point.way.ask(process, point.person, point.key)
    return response


def show(matrix: Matrix, title: str) -> None:
    """Add a line per effect to the table."""
    shown = table(title, "branch", "effect", "points", "survived", "resumed after, s", "done after, s")
    rows: dict[tuple[str, str], list[Point]] = {}
    for way in matrix.ways:
        for point in matrix.of(way):
            rows.setdefault((way.name, point.effect), []).append(point)
    for names, points in [*rows.items(), (("all", ""), matrix.points)]:
        survived = sum(1 for point in points if not point.wrong)
        longest = [max(point.seconds[which] for point in points) for which in (0, 1)]
        shown.add(*names, len(points), survived, *longest)


def nodes_unseen(matrix: Matrix, nodes: dict[str, str]) -> list[str]:
    """Return the nodes, by file number, whose effect outside of the flow was never recorded."""
    seen = ", ".join(effect for effects in matrix.undisturbed.values() for effect in effects)
    return [node for node, effect in nodes.items() if effect not in seen]


def differences(found: dict[str, object], due: dict[str, object]) -> list[str]:
    """Return the differences as text."""
    return [f"{what}: {found[what]}, not {due[what]}" for what in due if found[what] != due[what]]
