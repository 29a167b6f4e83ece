"""The kill matrix: `kill -9` beside every external effect of every branch; each request completes exactly once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from nodes import cancellation
from tests.faults.branches import BRANCHES, OTHERS, Branch, unexpected_effects, wrong_effects
from tests.faults.kill_matrix import Matrix, Way, nodes_unseen, show
from tests.faults.topic import Event, subscribed
from tests.faults.triggers import Process, Trigger, Triggers
from tests.faults.watch import CANCELLATIONS, Watch
from tests.faults.wires_line import When
from tests.world import Person, World

pytestmark = pytest.mark.slow

# Each node's effect outside of the flow, by file number; empty for pure decisions.
NODES = {
    "01": "claim_cancellation",
    "02": "choose_subscription",
    "03": "",
    "04": "",
    "05a": "reserve_offer",
    "05b": "capture_reason",
    "06a": "finish_cancellation",
    "06b": "POST /v1/subscriptions/{id}",
    "07b": "mirror_subscription",
    "08b": "email",
    "09b": "schedule_data_retention",
    "10b": "publish subscription.canceled",
    "11b": "finish_cancellation",
}


@dataclass(frozen=True, eq=False)
class Cancelling(Way):
    """A POST of one branch."""

    branch: Branch = BRANCHES[0]
    intent = "receive_cancellation"

    def person(self, world: World) -> Person:
        return self.branch.customer(world)

    def ask(self, process: Process, person: Person, key: str) -> httpx.Response:
        assert isinstance(process, Trigger)
        return process.post(person, key=key, **self.branch.body)

    def wrong(self, world: World, person: Person, events: list[Event]) -> list[str]:
        return wrong_effects(world, person, self.branch, events)

    def left(self, world: World, person: Person, events: list[Event]) -> list[str]:
        return unexpected_effects(world, person, events)

    def ask_again(self, world: World, person: Person, key: str) -> httpx.Response:
        body, headers = {"user_id": person.user_id, **self.branch.body}, {"Idempotency-Key": key}
        return world.http.post("/cancel-subscription", json=body, headers={**person.headers, **headers})


WAYS = [
    Cancelling(branch.name, branch not in OTHERS, one_at_a_time=branch.shares, branch=branch) for branch in BRANCHES
]


@pytest.fixture(scope="module")
def matrix(world: World, triggers: Triggers) -> Iterator[Matrix]:
    with subscribed() as topic, Watch(world, CANCELLATIONS) as watch:
        made = Matrix(WAYS, world, triggers, topic, watch)
        made.run()
        yield made
    show(made, "kill -9 of cancellations")


def test_every_node_has_a_recorded_effect(matrix: Matrix) -> None:
    nodes = {path.name.split("_")[1] for path in Path(cancellation.__file__).parent.glob("step_*.py")}

    assert nodes == NODES.keys(), "say what the new node does outside of the flow"
    assert nodes_unseen(matrix, NODES) == []
    assert all(Cancelling.intent in effects[0] for effects in matrix.undisturbed.values())


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_killed_process_loses_nothing_and_repeats_nothing(matrix: Matrix, way: Way) -> None:
    wrong = [str(point) for point in matrix.of(way) if point.wrong]

    assert len(matrix.of(way)) >= len(When)
    assert not wrong, "\n".join(wrong)
