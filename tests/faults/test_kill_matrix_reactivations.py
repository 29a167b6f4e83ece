"""The kill matrix of reactivation: `kill -9` beside every external effect; each request completes exactly once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from nodes import reactivation
from tests.faults.branches import effects_at_stripe
from tests.faults.kill_matrix import Matrix, Way, differences, nodes_unseen, show
from tests.faults.topic import Event, subscribed
from tests.faults.triggers import Process, Trigger, Triggers
from tests.faults.watch import REACTIVATIONS, Watch
from tests.faults.wires_line import When
from tests.reactivation.people import leaving, when_done
from tests.world import Person, World, links

pytestmark = pytest.mark.slow

NODES = {
    "01": "claim_reactivation",
    "02": "choose_reactivation",
    "03": "POST /v1/subscriptions/{id}",
    "04": "drop_retention_jobs",
    "05": "finish_reactivation",
    "06": "email",
    "07": "publish subscription.reactivated",
}
CONFIRMATION, EVENT = "reactivation_confirmation", "subscription.reactivated"


@dataclass(frozen=True, eq=False)
class ByApi(Way):
    """`POST /reactivate-subscription`, by a customer whose cancellation is confirmed and finished."""

    intent = "receive_reactivation"

    def person(self, world: World) -> Person:
        person = leaving(world)
        when_done(world, person)
        return person

    def ask(self, process: Process, person: Person, key: str) -> httpx.Response:
        assert isinstance(process, Trigger)
        return process.http.post("/reactivate-subscription", json={"user_id": person.user_id}, headers=person.headers)

    def ask_again(self, world: World, person: Person, key: str) -> httpx.Response | None:
        """Repeat the request: an active customer gets the same response."""
        return world.http.post("/reactivate-subscription", json={"user_id": person.user_id}, headers=person.headers)

    def left(self, world: World, person: Person, events: list[Event]) -> list[str]:
        found = world.stripe.subscriptions.retrieve(person.subscription_id)
        rows = world.belongings(person.user_id)
        return differences(
            {
                "Stripe": found.cancel_at_period_end,
                "writes": len(effects_at_stripe(world, person)),
                "requests": len(rows["reactivation_requests"]),
                "emails": len(world.emails(person)),
                "events": len(events),
            },
            {"Stripe": True, "writes": 1, "requests": 0, "emails": 1, "events": 1},
        )

    def wrong(self, world: World, person: Person, events: list[Event]) -> list[str]:
        rows = world.belongings(person.user_id)
        ids = {row["kind"]: row["id"] for row in rows["outbox"]}
        came_back = [row for row in rows["audit_log"] if row["action"] == "reactivate_subscription"]
        found = world.stripe.subscriptions.retrieve(person.subscription_id)
        emails = [email["message_id"] for email in world.emails(person)]
        return differences(
            {
                "Stripe's writes": len(effects_at_stripe(world, person)),
                "Stripe": (found.status, found.cancel_at_period_end, found.cancel_at),
                "requests": [(r["outcome"], r["http_status"], r["resume_at"]) for r in rows["reactivation_requests"]],
                "audited": [(row["outcome"], row["http_status"]) for row in came_back],
                "retention jobs": [row["status"] for row in rows["data_retention_jobs"]],
                "subscription": [(row["status"], row["cancel_at"]) for row in rows["subscriptions"]],
                "undelivered": [row["kind"] for row in rows["outbox"] if row["delivered_at"] is None],
                "outbox": sorted(row["kind"] for row in rows["outbox"]),
                "emails": {email for email in emails if email == f"<{ids.get(CONFIRMATION)}@cancelflow>"},
                "kinds of emails": len(set(emails)),
                "events": {(e["event"], e["event_id"]) for e in events if e["event"] != "subscription.canceled"},
            },
            {
                "Stripe's writes": 2,
                "Stripe": ("active", False, None),
                "requests": [("reactivated", 200, None)],
                "audited": [("reactivated", 200)],
                "retention jobs": ["cancelled"],
                "subscription": [("active", None)],
                "undelivered": [],
                "outbox": sorted(["cancellation_confirmation", "subscription.canceled", CONFIRMATION, EVENT]),
                "emails": {f"<{ids.get(CONFIRMATION)}@cancelflow>"},
                "kinds of emails": 2,
                "events": {(EVENT, str(ids.get(EVENT)))},
            },
        )


@dataclass(frozen=True, eq=False)
class ByLink(ByApi):
    """The button behind the email's link, which returns a page."""

    def ask(self, process: Process, person: Person, key: str) -> httpx.Response:
        assert isinstance(process, Trigger)
        return self._press(process.http, person)

    def ask_again(self, world: World, person: Person, key: str) -> httpx.Response | None:
        shown = self._press(world.http, person)
        assert (shown.status_code, "is active" in shown.text) == (200, True)
        return None

    def person(self, world: World) -> Person:
        person = super().person(world)
        [email] = world.emails(person)
        token = parse_qs(urlsplit(links(email)["reactivate"].replace("&amp;", "&")).query)["token"][0]
        TOKENS[person.user_id] = token
        return person

    def _press(self, http: httpx.Client, person: Person) -> httpx.Response:
        return http.post("/reactivate", data={"token": TOKENS[person.user_id]})


TOKENS: dict[str, str] = {}
API, LINK = ByApi("by the API"), ByLink("by the email's link", whole=False)
WAYS = [API, LINK]


@pytest.fixture(scope="module")
def matrix(world: World, triggers: Triggers) -> Iterator[Matrix]:
    with subscribed() as topic, Watch(world, REACTIVATIONS) as watch:
        made = Matrix(WAYS, world, triggers, topic, watch)
        made.run()
        yield made
    show(made, "kill -9 of reactivations")


def test_every_node_has_a_recorded_effect(matrix: Matrix) -> None:
    nodes = {path.name.split("_")[1] for path in Path(reactivation.__file__).parent.glob("step_*.py")}

    assert nodes == NODES.keys(), "say what the new node does outside of the flow"
    assert nodes_unseen(matrix, NODES) == []
    assert all(ByApi.intent in effects[0] for effects in matrix.undisturbed.values())


def test_the_link_and_the_api_have_the_same_effects(matrix: Matrix) -> None:
    assert sorted(matrix.undisturbed[LINK]) == sorted(matrix.undisturbed[API])


def test_a_killed_process_loses_nothing_and_repeats_nothing(matrix: Matrix) -> None:
    wrong = [str(point) for point in matrix.points if point.wrong]

    assert len(matrix.points) >= len(NODES) * len(When)
    assert not wrong, "\n".join(wrong)
