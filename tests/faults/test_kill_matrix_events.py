"""The kill matrix of Stripe's events: `kill -9` beside every external effect; each is handled completely, and once.

The process is a run of `handle-stripe-event` like a worker's, with a claimed event, so that no other process claims it
first; the stack's trigger resumes its unfinished work. Receiving events is tested with a separate trigger.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from nodes import stripe_events
from nodes.rules.stripe_changes import Change, change_of
from tests.faults.branches import effects_at_stripe
from tests.faults.kill_matrix import Matrix, Way, differences, nodes_unseen, show
from tests.faults.topic import Event, subscribed
from tests.faults.triggers import Process, Trigger, Triggers
from tests.faults.watch import EVENTS, Watch
from tests.faults.wires_line import When
from tests.reactivation.people import in_stripe, jobs, leaving, when_done
from tests.webhooks.events import ENDPOINT, deliver, envelope, events_about, order, settled
from tests.world import Person, World

pytestmark = pytest.mark.slow

NODES = {
    "01": "claim_stripe_event",
    "01b": "",  # tests/webhooks/test_copies.py
    "02": "mirror_subscription",
    "03": "",
    "04": "receive_from_stripe",
    "05": "fill_in_reason",
    "06": "set_retention_clock",
    "07": "receive_reactivation_from_stripe",
    "08": "record_end",
    "09": "email",
    "10": "publish subscription.ended",
    "11": "record_portal_offer",
    "11b": "receive_change_from_stripe",
    "12": "stripe_event_handled",
}
COUPON = "cancelflow-professional-30pct-3m"
CANCELLED_MESSAGES = ["cancellation_confirmation", "subscription.canceled"]
LATER = 86400
PAUSE = {"pause_collection": {"behavior": "void", "resumes_at": 2_000_000_000}}


@dataclass(frozen=True, eq=False)
class Handling(Way):
    """A change in Stripe, and its event. `due`: the expected state, by the names used below."""

    change: Change = Change.BEGINS
    happens: Callable[[World, Person], None] = lambda world, person: None
    due: dict[str, Any] = field(default_factory=dict)
    cancelled_before: bool = False  # cancelled through our API, and finished

    def person(self, world: World) -> Person:
        person = leaving(world) if self.cancelled_before else world.person("professional")
        when_done(world, person)
        self.happens(world, person)
        return person

    def event(self, world: World, person: Person) -> stripe.Event:
        """Return the last event of its kind."""
        return [event for event in events_about(world, person.subscription_id) if _change(event) is self.change][-1]

    def process(
        self, world: World, triggers: Triggers, person: Person, settings: dict[str, str]
    ) -> AbstractContextManager[Process]:
        """Run the flow with the event claimed, as `claim_stripe_events` leaves it."""
        event = self.event(world, person)
        world.admin.execute(
            "INSERT INTO stripe_events (id, type, change, created_at, livemode, subscription_id, customer_id,"
            " in_hand_until, resume_at) VALUES (%s, %s, %s, now(), false, %s, %s, now() + lease(), now() + lease())",
            [event.id, event.type, self.change.value, person.subscription_id, str(in_stripe(world, person).customer)],
        )
        return triggers.running("handle-stripe-event", event.id, **settings)

    def ask(self, process: Process, person: Person, key: str) -> httpx.Response | None:
        process.wait()
        return None

    def wrong(self, world: World, person: Person, events: list[Event]) -> list[str]:
        rows = world.belongings(person.user_id)
        ids = {row["kind"]: str(row["id"]) for row in rows["outbox"]}
        found = {
            "Stripe's writes": len(effects_at_stripe(world, person)),
            "handled": [row["resume_at"] for row in _inbox(world, person) if row["handled_at"] is not None],
            "subscription": rows["subscriptions"][0]["status"],
            "cancellations": [row["outcome"] for row in rows["cancellation_requests"]],
            "reactivations": [row["outcome"] for row in rows["reactivation_requests"]],
            "reasons": [row["category"] for row in rows["cancellation_reasons"]],
            "jobs": jobs(world, person),
            "ends": [row["kind"] for row in rows["subscription_ends"]],
            "offers": [row["state"] for row in rows["retention_offers"]],
            "outbox": sorted(row["kind"] for row in rows["outbox"]),
            "undelivered": [row["kind"] for row in rows["outbox"] if row["delivered_at"] is None],
            "emails": {email["message_id"] for email in world.emails(person)},
            "events": {(event["event"], event["event_id"]) for event in events},
            "dates": {row["cancel_at"] for row in rows["data_retention_jobs"] if row["status"] == "scheduled"},
        }
        usual = {
            "Stripe's writes": int(self.cancelled_before),
            "handled": [None],
            "subscription": "active",
            "cancellations": [],
            "reactivations": [],
            "reasons": [],
            "jobs": [],
            "ends": [],
            "offers": [],
            "outbox": [],
            "undelivered": [],
        }
        due = {**usual, **self.due}
        due["outbox"] = sorted(due["outbox"])
        due["emails"] = {f"<{ids[kind]}@cancelflow>" for kind in ids if "." not in kind}
        due["events"] = {(kind, ids[kind]) for kind in ids if "." in kind}
        row = rows["subscriptions"][0]
        due["dates"] = {row["ended_at"] or row["cancel_at"]} if "scheduled" in due["jobs"] else set()
        return differences(found, due)


@dataclass(frozen=True, eq=False)
class Receiving(Handling):
    """A trigger that receives an event, which Stripe sends again without a response."""

    def process(
        self, world: World, triggers: Triggers, person: Person, settings: dict[str, str]
    ) -> AbstractContextManager[Process]:
        EMAILS[person.user_id] = envelope(world, self.event(world, person).id)
        return triggers.started(**settings)

    def ask(self, process: Process, person: Person, key: str) -> httpx.Response | None:
        assert isinstance(process, Trigger)
        headers, body = EMAILS[person.user_id]
        response = process.http.post(ENDPOINT, content=body, headers=headers)
        assert response.status_code == 200
        return None

    def after_kill(self, world: World, person: Person) -> None:
        deliver(world, self.event(world, person).id)


EMAILS: dict[str, tuple[dict[str, str], bytes]] = {}


def _change(event: stripe.Event) -> Change:
    data = event.to_dict()["data"]
    return change_of(event.type, data.get("previous_attributes", {}), "user_id", data["object"])


def _inbox(world: World, person: Person) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM stripe_events WHERE subscription_id = %s", person.subscription_id)


def _portal(action: str, **more: Any) -> Callable[[World, Person], None]:
    def happens(world: World, person: Person) -> None:
        order(world, "portal", subscription=person.subscription_id, action=action, **more)

    return happens


def _gives_reason_later(world: World, person: Person) -> None:
    _portal("cancel")(world, person)
    deliver(world, events_about(world, person.subscription_id)[-1].id)
    settled(world, person, events=1)
    _portal("reason", feedback="unused")(world, person)


def _end(world: World, person: Person) -> None:
    order(world, "end", subscription=person.subscription_id, reason="payment_failed")


def _later(world: World, person: Person) -> None:
    ends = in_stripe(world, person).cancel_at
    assert ends is not None
    order(world, "dashboard", subscription=person.subscription_id, action="cancel", when=ends + LATER)


def _coupon(world: World, person: Person) -> None:
    someone = world.person("professional")
    assert world.accept(someone).status_code == 200  # creates the coupon
    _portal("accept_retention_coupon", coupon=COUPON)(world, person)


CANCELLED = {
    "subscription": "pending_cancellation",
    "cancellations": ["pending_cancellation"],
    "reasons": ["unused"],
    "jobs": ["scheduled"],
    "outbox": CANCELLED_MESSAGES,
}
STILL_CANCELLED = {**CANCELLED, "reasons": ["too_expensive"]}
REACTIVATED = {
    "cancellations": ["pending_cancellation"],
    "reactivations": ["reactivated"],
    "reasons": ["too_expensive"],
    "jobs": ["cancelled"],
    "outbox": [*CANCELLED_MESSAGES, "reactivation_confirmation", "subscription.reactivated"],
}
ENDED = {
    "subscription": "canceled",
    "jobs": ["scheduled"],
    "ends": ["payment_failed"],
    "outbox": ["subscription_ended", "subscription.ended"],
}
WAYS = [
    Handling("cancelled in the portal", happens=_portal("cancel", feedback="unused"), due=CANCELLED),
    Handling(
        "reactivated in the portal",
        change=Change.DECISION,
        cancelled_before=True,
        happens=_portal("undo"),
        due=REACTIVATED,
    ),
    Handling("end, a payment failed", change=Change.END, happens=_end, due=ENDED),
    Handling(
        "cancelled without a reason",
        whole=False,
        happens=_portal("cancel"),
        due={**CANCELLED, "reasons": ["prefer_not_to_say"]},
    ),
    Handling(
        "the reason later",
        whole=False,
        change=Change.REASON,
        happens=_gives_reason_later,
        due={**CANCELLED, "handled": [None, None]},
    ),
    Handling(
        "date moved", whole=False, change=Change.DECISION, cancelled_before=True, happens=_later, due=STILL_CANCELLED
    ),
    Handling(
        "offer accepted in the portal",
        change=Change.DISCOUNT,
        whole=False,
        happens=_coupon,
        due={"cancellations": ["retained"], "offers": ["applied"]},
    ),
    Handling(
        "paused in the dashboard",
        change=Change.PAUSE,
        whole=False,
        happens=_portal("update", params=PAUSE),
        due={"outbox": ["change_confirmation", "subscription.changed"]},
    ),
    Receiving("receiving an event", whole=False, happens=_portal("cancel", feedback="unused"), due=CANCELLED),
]


@pytest.fixture(scope="module")
def matrix(world: World, triggers: Triggers) -> Iterator[Matrix]:
    with world.simulator.losing_webhooks(), subscribed() as topic, Watch(world, EVENTS) as watch:
        made = Matrix(WAYS, world, triggers, topic, watch)
        made.run()
        yield made
    show(made, "kill -9 of Stripe's events")


def test_every_node_has_a_recorded_effect(matrix: Matrix) -> None:
    nodes = {path.name.split("_")[1] for path in Path(stripe_events.__file__).parent.glob("step_*.py")}

    assert nodes == NODES.keys(), "say what the new node does outside of the flow"
    assert nodes_unseen(matrix, NODES) == []


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_killed_process_loses_nothing_and_repeats_nothing(matrix: Matrix, way: Way) -> None:
    wrong = [str(point) for point in matrix.of(way) if point.wrong]

    assert len(matrix.of(way)) >= len(When)
    assert not wrong, "\n".join(wrong)
