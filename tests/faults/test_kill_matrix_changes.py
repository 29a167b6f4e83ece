"""The kill matrix of accepted offers: `kill -9` beside every external effect; each change is made exactly once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from nodes import changes
from tests.faults.kill_matrix import Matrix, Way, differences, nodes_unseen, show
from tests.faults.topic import Event, subscribed
from tests.faults.triggers import Process, Trigger, Triggers
from tests.faults.watch import Watch
from tests.faults.wires_line import When
from tests.waiting import eventually
from tests.world import Person, Row, World

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
CONFIRMATION, EVENT = "change_confirmation", "subscription.changed"
# A pause is made beforehand where it is resumed; its request is not watched.
WATCHED = """SELECT DISTINCT ON (user_id) user_id, runs, finished_at, resume_at, response FROM change_requests
    WHERE user_id = ANY(%s) ORDER BY user_id, received_at DESC"""


def writes(world: World, person: Person) -> list[Row]:
    """Return the changes of their subscription and its schedule that Stripe carried out."""
    schedule = world.stripe.subscriptions.retrieve(person.subscription_id).schedule
    made = world.simulator.writes(person.subscription_id)
    made += world.simulator.requests(method="POST", path=f"/v1/subscription_schedules/{schedule}") if schedule else []
    return [each for each in made if each["status"] == 200 and not each["replayed"]]


@dataclass(frozen=True, eq=False)
class Accepting(Way):
    """`POST /offers/{id}/accept`, or `/resume-subscription`; `effects`: the number of writes that change Stripe."""

    case: str = "professional"
    path: str = "/offers/pause/accept"
    body: Callable[[World, Person], dict[str, Any]] = field(default=lambda world, person: {})
    effects: int = 1
    prepared: tuple[str, dict[str, Any]] | None = None  # a change that is made before

    intent = "receive_change"

    def person(self, world: World) -> Person:
        person = world.person(self.case)
        if self.prepared:
            path, body = self.prepared
            assert world.http.post(path, json=body, headers=person.headers).status_code == 200
            left = "SELECT 1 FROM change_requests WHERE user_id = %s AND resume_at IS NOT NULL"
            eventually(lambda: not world.rows(left, person.user_id))
        BODIES[person.user_id] = self.body(world, person)
        return person

    def ask(self, process: Process, person: Person, key: str) -> httpx.Response:
        assert isinstance(process, Trigger)
        return self._post(process.http, person, key)

    def ask_again(self, world: World, person: Person, key: str) -> httpx.Response | None:
        """Repeat the request with its key, which returns the same response."""
        return self._post(world.http, person, key)

    def left(self, world: World, person: Person, events: list[Event]) -> list[str]:
        rows = world.belongings(person.user_id)
        before = int(self.prepared is not None)
        return differences(
            {
                "requests": len(rows["change_requests"]),
                "writes": len(writes(world, person)),
                "emails": len(world.emails(person)),
                "events": len(events),
            },
            {"requests": before, "writes": before, "emails": before, "events": before},
        )

    def wrong(self, world: World, person: Person, events: list[Event]) -> list[str]:
        rows = world.belongings(person.user_id)
        before = int(self.prepared is not None)
        changed = before + 1
        ids = [row["id"] for row in rows["outbox"] if row["kind"] == CONFIRMATION]
        return differences(
            {
                "Stripe's writes": len(writes(world, person)),
                "requests": [(r["outcome"], r["http_status"], r["resume_at"]) for r in rows["change_requests"]],
                "audited": [(row["outcome"], row["http_status"]) for row in rows["audit_log"]],
                "offers": {row["state"] for row in rows["retention_offers"]} - {"applied"},
                "undelivered": [row["kind"] for row in rows["outbox"] if row["delivered_at"] is None],
                "outbox": sorted(row["kind"] for row in rows["outbox"]),
                "emails": {email["message_id"] for email in world.emails(person)},
                "events": len({event["event_id"] for event in events}),
                "kinds of events": {event["event"] for event in events},
            },
            {
                "Stripe's writes": before + self.effects,
                "requests": [("changed", 200, None)] * changed,
                "audited": [("changed", 200)] * changed,
                "offers": set(),
                "undelivered": [],
                "outbox": sorted([CONFIRMATION, EVENT] * changed),
                "emails": {f"<{each}@cancelflow>" for each in ids},
                "events": 1 if self.prepared is None else len({event["event_id"] for event in events}),
                "kinds of events": {EVENT},
            },
        )

    def _post(self, http: httpx.Client, person: Person, key: str) -> httpx.Response:
        headers = {**person.headers, "Idempotency-Key": key}
        return http.post(self.path, json=BODIES[person.user_id], headers=headers)


def _price(offer_id: str) -> Callable[[World, Person], dict[str, Any]]:
    def chosen(world: World, person: Person) -> dict[str, Any]:
        offers = world.http.get("/offers", headers=person.headers).json()["offers"]
        [offer] = [each for each in offers if each["id"] == offer_id]
        return {"price": offer["options"][0]["price"]}

    return chosen


BODIES: dict[str, dict[str, Any]] = {}
PAUSE = {"months": 2}
# Where a flow's own step decides, writes to Stripe and records.
OWN = ("change_agreed", "POST /v1/subscription", "mirror_subscription")
WAYS = [
    Accepting("pause", body=lambda world, person: PAUSE),
    Accepting("discount", whole=False, always=OWN, path="/offers/retention-offer/accept"),
    Accepting("plan change", whole=False, always=OWN, path="/offers/annual/accept", body=_price("annual"), effects=2),
    Accepting("longer trial", whole=False, always=OWN, case="trialing", path="/offers/longer-trial/accept"),
    Accepting("resume", whole=False, always=OWN, path="/resume-subscription", prepared=("/offers/pause/accept", PAUSE)),
]


@pytest.fixture(scope="module")
def matrix(world: World, triggers: Triggers) -> Iterator[Matrix]:
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
