"""The kill matrix: `kill -9` beside every external effect of every branch; each request ends complete, and once.

The effects are those that an undisturbed run of the flow shows to the wires, so that a new node's come by themselves.
First every process is killed, each with one request in it; meanwhile and after that the stack's trigger takes up what
they left, by itself.
"""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from nodes import cancellation
from tests.faults.branches import ACCEPT, BRANCHES, CANCEL, OTHERS, Branch, what_is_there, what_is_wrong
from tests.faults.peace import Watch
from tests.faults.tables import table
from tests.faults.topic import Topic, heard
from tests.faults.triggers import Triggers
from tests.faults.wires import wired
from tests.faults.wires_line import Moment
from tests.world import Person, World

AT_ONCE = 4
REACH_SECONDS = 15.0
MOVE_ON_SECONDS = 0.3  # for a process that has its answer to ask for something more
TAKEN_UP_SECONDS = 30.0
PEACE_SECONDS = 90.0

# What each node of the flow does outside of it, by the number of its file; nothing, for pure decisions.
NODES = {
    "01": "take_up_request",
    "02": "choose_subscription",
    "03": "",
    "04": "",
    "05a": "reserve_offer",
    "05b": "capture_reason",
    "06a": "finish_request",
    "06b": "POST /v1/subscriptions/{id}",
    "07b": "mirror_subscription",
    "08b": "letter",
    "09b": "schedule_data_retention",
    "10b": "publish subscription.canceled",
    "11b": "finish_request",
}
INTENT = "receive_request"


@dataclass
class Point:
    """One process that is killed beside one effect, and what became of its request."""

    branch: Branch
    effect: str
    moment: Moment
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    person: Person | None = None
    answer: httpx.Response | None = None
    seconds: tuple[float, float] = (0.0, 0.0)  # from the kill until it was taken up, and until it was at peace
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.branch.name}, {self.moment} {self.effect}: {'; '.join(self.wrong)}"


class Matrix:
    """All points, killed and waited for."""

    def __init__(self, world: World, triggers: Triggers, topic: Topic, watch: Watch) -> None:
        self._world, self._triggers, self._topic, self._watch = world, triggers, topic, watch
        self.undisturbed: dict[Branch, list[str]] = {}
        self.points: list[Point] = []

    def run(self) -> None:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            self.undisturbed = dict(zip(BRANCHES, threads.map(self._record, BRANCHES), strict=True))
        usual = {*self.undisturbed[CANCEL], *self.undisturbed[ACCEPT]}
        effects = [
            (branch, effect)
            for branch in (*OTHERS, CANCEL, ACCEPT)
            for effect in self.undisturbed[branch]
            if branch not in OTHERS or effect not in usual
        ]
        # Beside one effect one after the other, and the rarest first: of two at once, or of one that is taken up again
        # by then, the second would not find the coupon missing.
        beside = [[Point(branch, effect, moment) for moment in Moment] for branch, effect in effects]
        self.points = [point for points in beside for point in points]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(self._kill_one_after_the_other, beside))
        self._watch.until_peace(PEACE_SECONDS)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(self._judge, (point for point in self.points if not point.wrong)))

    def _record(self, branch: Branch) -> list[str]:
        person = branch.customer(self._world)
        with wired(alone=True) as wires, self._triggers.started(**wires.settings()) as trigger:
            answer = trigger.post(person, key=str(uuid.uuid4()), **branch.body)
            assert answer.status_code == 200, answer.text
            self._watch.add(person)
            self._watch.until_peace(PEACE_SECONDS)
            return list(wires.effects)

    def _kill_one_after_the_other(self, points: list[Point]) -> None:
        for point in points:
            self._kill(point)

    def _kill(self, point: Point) -> None:
        try:
            person = point.person = point.branch.customer(self._world)
            with wired(alone=True) as wires, self._triggers.started(**wires.settings()) as trigger:
                stop = wires.freeze_at(point.effect, point.moment)
                with ThreadPoolExecutor(1) as threads:
                    asking = threads.submit(trigger.post, person, key=point.key, **point.branch.body)
                    assert stop.reached.wait(REACH_SECONDS), f"it was not reached, only {wires.effects}"
                    if point.moment is Moment.AFTER:
                        wires.moved_on.wait(MOVE_ON_SECONDS)
                    trigger.kill()
                    self._watch.add(person)
                    error = asking.exception()
                assert error is None or isinstance(error, httpx.TransportError), error
                point.answer = None if error else asking.result()
        except Exception as error:  # one report of all points, whatever happens at one
            point.wrong.append(repr(error))

    def _judge(self, point: Point) -> None:
        try:
            assert point.person
            if INTENT in point.effect and point.moment is Moment.BEFORE:
                events = self._topic.events_of(point.person.user_id)
                point.wrong += what_is_there(self._world, point.person, events)
            else:
                point.wrong += self._count(point, point.person) + self._ask_again(point, point.person)
        except Exception as error:
            point.wrong.append(repr(error))

    def _count(self, point: Point, person: Person) -> list[str]:
        """At the far sides, and how long it took."""
        watched = self._watch.of(person)
        point.seconds = watched.taken_up, watched.at_peace
        late = [f"taken up after {watched.taken_up:.0f} s"] if watched.taken_up > TAKEN_UP_SECONDS else []
        return late + what_is_wrong(self._world, person, point.branch, self._topic.events_of(person.user_id))

    def _ask_again(self, point: Point, person: Person) -> list[str]:
        """With the same key: the same answer as was recorded, and as was told, if the process came to that."""
        recorded, answered = self._watch.of(person).answer, self._watch.of(person).answered
        body, headers = {"user_id": person.user_id, **point.branch.body}, {"Idempotency-Key": point.key}
        again = self._world.http.post("/cancel-subscription", json=body, headers={**person.headers, **headers})
        wrong = ["told before there was an answer"] if point.answer is not None and not answered else []
        for answer in (point.answer, again):
            if answer is not None and (answer.status_code, answer.json()) != (200, recorded):
                wrong.append(f"told {answer.status_code} {answer.text}, recorded {recorded}")
        return wrong


@pytest.fixture(scope="module")
def matrix(world: World, triggers: Triggers) -> Iterator[Matrix]:
    with heard() as topic, Watch(world) as watch:
        made = Matrix(world, triggers, topic, watch)
        made.run()
        yield made
    show(made)


def show(matrix: Matrix) -> None:
    shown = table("kill -9", "branch", "effect", "points", "survived", "taken up after, s", "done after, s")
    rows: dict[tuple[str, str], list[Point]] = {}
    for branch in BRANCHES:
        for point in matrix.points:
            if point.branch is branch:
                rows.setdefault((branch.name, point.effect), []).append(point)
    for names, points in [*rows.items(), (("all", ""), matrix.points)]:
        survived = sum(1 for point in points if not point.wrong)
        longest = [max(point.seconds[which] for point in points) for which in (0, 1)]
        shown.add(*names, len(points), survived, *longest)


def test_every_node_is_seen_at_work(matrix: Matrix) -> None:
    seen = ", ".join(effect for effects in matrix.undisturbed.values() for effect in effects)
    nodes = {path.name.split("_")[1] for path in Path(cancellation.__file__).parent.glob("step_*.py")}

    assert nodes == NODES.keys(), "say what the new node does outside of the flow"
    assert [node for node, effect in NODES.items() if effect not in seen] == []
    assert all(INTENT in effects[0] for effects in matrix.undisturbed.values())


@pytest.mark.parametrize("branch", BRANCHES, ids=lambda branch: branch.name)
def test_a_killed_process_loses_nothing_and_nothing_is_done_twice(matrix: Matrix, branch: Branch) -> None:
    points = [point for point in matrix.points if point.branch is branch]
    wrong = [str(point) for point in points if point.wrong]

    assert len(points) >= len(Moment)
    assert not wrong, "\n".join(wrong)
