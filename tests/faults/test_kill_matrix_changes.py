"""The kill matrix of accepted offers: `kill -9` beside every external effect; each change is made exactly once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from nodes import changes
from tests.faults.kill_matrix import Matrix, Way, nodes_unseen, show
from tests.faults.offer_branches import ACCEPTANCES, PAUSED, Acceptance
from tests.faults.topic import Event, subscribed
from tests.faults.triggers import Process, Trigger, Triggers
from tests.faults.watch import Watch
from tests.faults.wires_line import When
from tests.world import Person, World

pytestmark = pytest.mark.slow

NODES = {
    "01": "claim_change",
    "02": "choose_subscription_to_change",
    "03": "change_agreed",
    "04a": "reserve_offer",
    "04b": "POST /v1/subscriptions/{id}",
    "04c": "POST /v1/subscription_schedules",
    "04d": "POST /v1/subscriptions/{id}",
    "04e": "POST /v1/subscriptions/{id}",
    "05": "mirror_subscription",
    "06": "finish_change",
    "07": "email",
    "08": "publish subscription.changed",
}
# A pause is made beforehand where it is resumed; its request is not watched.
WATCHED = """SELECT DISTINCT ON (user_id) user_id, runs, finished_at, resume_at, response FROM change_requests
    WHERE user_id = ANY(%s) ORDER BY user_id, received_at DESC"""


@dataclass(frozen=True, eq=False)
class Accepting(Way):
    """The acceptance of one kind of offer."""

    offer: Acceptance = PAUSED
    intent = "receive_change"

    def person(self, world: World) -> Person:
        return self.offer.customer(world)

    def ask(self, process: Process, person: Person, key: str) -> httpx.Response:
        assert isinstance(process, Trigger)
        return self.offer.post(process.http, person, key)

    def ask_again(self, world: World, person: Person, key: str) -> httpx.Response | None:
        """Repeat the request with its key, which returns the same response."""
        return self.offer.post(world.http, person, key)

    def left(self, world: World, person: Person, events: list[Event]) -> list[str]:
        return self.offer.unexpected(world, person, events)

    def wrong(self, world: World, person: Person, events: list[Event]) -> list[str]:
        return self.offer.wrong(world, person, events)


# Where a flow's own step decides, writes to Stripe and records; the rest is the same as for a pause.
OWN = ("change_agreed", "POST /v1/subscription", "mirror_subscription")
WAYS = [Accepting(each.name, each is PAUSED, always=OWN, offer=each) for each in ACCEPTANCES]


@pytest.fixture(scope="module")
def matrix(world: World, triggers: Triggers) -> Iterator[Matrix]:
    assert world.accept(world.person("professional")).status_code == 200  # creates the coupon, once per account
    with subscribed() as topic, Watch(world, WATCHED) as watch:
        made = Matrix(WAYS, world, triggers, topic, watch)
        made.run()
        yield made
    show(made, "kill -9 of accepted offers")


def test_every_node_has_a_recorded_effect(matrix: Matrix) -> None:
    nodes = {path.name.split("_")[1] for path in Path(changes.__file__).parent.glob("step_*.py")}

    assert nodes == NODES.keys(), "say what the new node does outside of the flow"
    assert nodes_unseen(matrix, NODES) == []
    assert all(Accepting.intent in effects[0] for effects in matrix.undisturbed.values())


def test_a_killed_process_loses_nothing_and_repeats_nothing(matrix: Matrix) -> None:
    wrong = [str(point) for point in matrix.points if point.wrong]

    assert len(matrix.points) >= len(NODES) * len(When)
    assert not wrong, "\n".join(wrong)
