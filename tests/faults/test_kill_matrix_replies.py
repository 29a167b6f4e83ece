"""The kill matrix of customers' replies: `kill -9` beside every effect of receiving and of categorizing one.

A reply's provider sends it again without a response; the stack's trigger categorizes what a killed run had claimed.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from nodes.rules.consents import CHANNELS
from tests.faults.kill_matrix import Matrix, Way, differences, show
from tests.faults.topic import Event, subscribed
from tests.faults.triggers import Process, Trigger, Triggers
from tests.faults.watch import REPLIES, Watch
from tests.faults.wires_line import When
from tests.nodes.clients.reply_webhooks.posts import mailgun
from tests.replies.customers import left, reason, replies, reply, reply_address, waiting_reply
from tests.replies.model import serving
from tests.tasks.made import tasks_of
from tests.waiting import eventually
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

CERTAIN, UNCERTAIN, STOP = "I hardly use it any more.", "hmm", "STOP"
USUAL = {"kind": "reply", "category": "unused", "reason": "unused", "tasks": [], "published": [], "revoked": 0}
UNSURE = {"category": "other", "reason": "prefer_not_to_say", "tasks": ["uncertain_reply"]}
NO_ANSWER = {"kind": "stop", "category": None, "reason": "prefer_not_to_say", "revoked": len(CHANNELS)}


def claim_ends(world: World, person: Person) -> None:
    world.admin.execute(
        "UPDATE replies SET categorize_at = now() WHERE user_id = %s AND categorize_at IS NOT NULL", [person.user_id]
    )


@dataclass(frozen=True, eq=False)
class Categorizing(Way):
    """A run of `categorize-reply`, with a reply that it has claimed. `due`: the expected state, by the names above."""

    text: str = CERTAIN
    due: dict[str, Any] = field(default_factory=dict)

    def person(self, world: World) -> Person:
        return left(world)

    def process(
        self, world: World, triggers: Triggers, person: Person, settings: dict[str, str]
    ) -> AbstractContextManager[Process]:
        claimed = waiting_reply(world, person, self.text)
        return triggers.running("categorize-reply", str(claimed["id"]), **settings)

    def ask(self, process: Process, person: Person, key: str) -> httpx.Response | None:
        process.wait()
        return None

    def after_kill(self, world: World, person: Person) -> None:
        claim_ends(world, person)

    def wrong(self, world: World, person: Person, events: list[Event]) -> list[str]:
        [stored] = replies(world, person)
        tasks = tasks_of(world, person.user_id)
        revoked = world.rows(
            "SELECT FROM consents WHERE user_id = %s AND source = 'reply' AND NOT accepted", person.user_id
        )
        found = {
            "kind": stored["kind"],
            "category": stored["category"],
            "reason": reason(world, person)["category"],
            "tasks": [task["kind"] for task in tasks],
            "published": [each["request_id"] for each in {e["event_id"]: e for e in events}.values() if "task" in each],
            "revoked": len(revoked),
        }
        return differences(found, USUAL | self.due | {"published": [str(task["id"]) for task in tasks]})


@dataclass(frozen=True, eq=False)
class Receiving(Categorizing):
    """A trigger that receives a reply from Mailgun, which posts it again without a response."""

    def person(self, world: World) -> Person:
        person = left(world)
        EMAILS[person.user_id] = reply(reply_address(world, person), self.text)
        return person

    def process(
        self, world: World, triggers: Triggers, person: Person, settings: dict[str, str]
    ) -> AbstractContextManager[Process]:
        ADDRESSES[person.user_id] = reply_address(world, person)
        return triggers.started(**settings)

    def ask(self, process: Process, person: Person, key: str) -> httpx.Response | None:
        assert isinstance(process, Trigger)
        _posted(process.http, person)
        return None

    def after_kill(self, world: World, person: Person) -> None:
        _posted(world.http, person)


EMAILS: dict[str, bytes] = {}
ADDRESSES: dict[str, str] = {}


def _posted(http: httpx.Client, person: Person) -> None:
    key = os.environ["REPLY_WEBHOOKS"].removeprefix("mailgun=")
    post = mailgun(key, EMAILS[person.user_id], ADDRESSES[person.user_id])
    headers = {"Content-Type": post.content_type}
    assert http.post("/webhooks/replies/mailgun/mime", content=post.body, headers=headers).status_code == 200


CATEGORIZED = "categorized, reason_from_reply"
EFFECTS = {
    Categorizing("a certain category"): CATEGORIZED,
    Categorizing("an uncertain category", text=UNCERTAIN, due=UNSURE): CATEGORIZED,
    Receiving("receiving a reply"): "store_reply",
    Receiving("receiving STOP", text=STOP, due=NO_ANSWER): "store_reply, record_consent",
}


@pytest.fixture(scope="module")
def matrix(world: World, triggers: Triggers) -> Iterator[Matrix]:
    with subscribed() as topic, Watch(world, REPLIES) as watch:
        made = Matrix([*EFFECTS], world, triggers, topic, watch)
        made.run()
        yield made
    show(made, "kill -9 of customers' replies")


def test_each_has_one_effect(matrix: Matrix) -> None:
    assert matrix.undisturbed == {way: [effect] for way, effect in EFFECTS.items()}


@pytest.mark.parametrize("way", EFFECTS, ids=lambda way: way.name)
def test_a_killed_process_loses_nothing_and_repeats_nothing(matrix: Matrix, way: Way) -> None:
    wrong = [str(point) for point in matrix.of(way) if point.wrong]

    assert len(matrix.of(way)) == len(When)
    assert not wrong, "\n".join(wrong)


def test_a_run_that_is_killed_while_the_model_is_asked_leaves_the_reply_for_later(
    world: World, triggers: Triggers
) -> None:
    person = left(world)
    claimed = waiting_reply(world, person, CERTAIN)
    running: list[Process] = []
    with serving() as model:
        model.act = lambda: eventually(lambda: running)[0].kill()
        settings = {"REPLY_MODEL_URL": model.url, "REPLY_MODEL_NAME": "any"}
        with triggers.running("categorize-reply", str(claimed["id"]), **settings) as process:
            running.append(process)
            assert process.wait() < 0
    assert len(model.got) == 1
    assert replies(world, person) == [claimed]

    claim_ends(world, person)

    def categorized() -> Row | None:
        [row] = replies(world, person)
        return row if row["categorize_at"] is None else None

    row = eventually(categorized)
    assert row is not None
    assert (row["category"], row["categorized_by"]) == ("unused", "local")
