"""The offers that customers accept, each with a customer who accepts it, and its expected effects in every system."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx

from deployments.demo.catalog import Catalog
from tests.faults.topic import Event
from tests.waiting import eventually
from tests.world import Person, Row, World

CONFIRMATION, EVENT = "change_confirmation", "subscription.changed"
PAUSE = {"months": 2}
# What each customer chose, which depends on Stripe's ids.
_BODIES: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Acceptance:
    """`POST /offers/{id}/accept`, or `/resume-subscription`, in the form of `Branch`.

    `prepared`: a change that is made before.
    """

    name: str
    path: str
    case: str = "professional"
    choose: Callable[[World, Person], dict[str, Any]] = field(default=lambda world, person: {})
    prepared: tuple[str, dict[str, Any]] | None = None

    table: ClassVar[str] = "change_requests"
    failed: ClassVar[str] = "The change failed, try again"

    def customer(self, world: World) -> Person:
        """Create the customer, whose choice is made."""
        person = world.person(self.case)
        if self.prepared:
            path, body = self.prepared
            assert world.http.post(path, json=body, headers=person.headers).status_code == 200
            left = "SELECT 1 FROM change_requests WHERE user_id = %s AND resume_at IS NOT NULL"
            eventually(lambda: not world.rows(left, person.user_id))
        _BODIES[person.user_id] = self.choose(world, person)
        return person

    def post(self, http: httpx.Client, person: Person, key: str) -> httpx.Response:
        """Send the request."""
        headers = {**person.headers, "Idempotency-Key": key}
        return http.post(self.path, json=_BODIES[person.user_id], headers=headers)

    def effects(self, world: World, person: Person) -> list[Row]:
        """Return the changes of their subscription and its schedule's phases that Stripe carried out.

        Creating a schedule changes nothing.
        """
        schedule = world.stripe.subscriptions.retrieve(person.subscription_id).schedule
        made = world.simulator.writes(person.subscription_id)
        if schedule:
            made += world.simulator.requests(method="POST", path=f"/v1/subscription_schedules/{schedule}")
        return [
            each
            for each in made
            if each["status"] == 200 and not each["replayed"] and each["path"] != "/v1/subscription_schedules"
        ]

    def unexpected(self, world: World, person: Person, events: list[Event]) -> list[str]:
        """Return the effects of a request that was never received; there should be none."""
        rows, before = world.belongings(person.user_id), int(self.prepared is not None)
        found = {
            "requests": len(rows["change_requests"]),
            "writes": len(self.effects(world, person)),
            "emails": len(world.emails(person)),
            "events": len(events),
        }
        return [f"{what}: {number}, not {before}" for what, number in found.items() if number != before]

    def wrong(self, world: World, person: Person, events: list[Event], *, reported_failed: bool = False) -> list[str]:
        """Return missing or extra effects, counted in the external systems when no work is left."""
        rows, changed = world.belongings(person.user_id), 1 + int(self.prepared is not None)
        audited = [(row["outcome"], row["http_status"]) for row in rows["audit_log"] if row["outcome"] != "refused"]
        ids = {kind: [row["id"] for row in rows["outbox"] if row["kind"] == kind] for kind in (CONFIRMATION, EVENT)}
        heard = {event["event_id"] for event in events if event["event"] == EVENT}
        found: dict[str, object] = {
            "Stripe's writes": len(self.effects(world, person)),
            "requests": [(r["outcome"], r["http_status"], r["resume_at"]) for r in rows["change_requests"]],
            "audited": sorted(each for each in audited if each[0] != "joined"),
            "offers": {row["state"] for row in rows["retention_offers"]} - {"applied"},
            "undelivered": [row["kind"] for row in rows["outbox"] if row["delivered_at"] is None],
            "outbox": sorted(row["kind"] for row in rows["outbox"]),
            "emails": {email["message_id"] for email in world.emails(person)},
            "events": heard - {str(each) for each in ids[EVENT]},
            "its event": bool(heard),
        }
        due: dict[str, object] = {
            "Stripe's writes": changed,
            "requests": [("changed", 200, None)] * changed,
            "audited": sorted([("failed", 500)] * reported_failed + [("changed", 200)] * changed),
            "offers": set(),
            "undelivered": [],
            "outbox": sorted([CONFIRMATION, EVENT] * changed),
            "emails": {f"<{each}@cancelflow>" for each in ids[CONFIRMATION]},
            "events": set(),
            "its event": True,
        }
        return [f"{what}: {found[what]}, not {due[what]}" for what in due if found[what] != due[what]]


def _annual(world: World, person: Person) -> dict[str, Any]:
    return {"price": Catalog(world.stripe_client).price("professional", "year")}


PAUSED = Acceptance("pause", "/offers/pause/accept", choose=lambda world, person: PAUSE)
DISCOUNTED = Acceptance("discount", "/offers/retention-offer/accept")
SWITCHED = Acceptance("plan change", "/offers/annual/accept", choose=_annual)
EXTENDED = Acceptance("longer trial", "/offers/longer-trial/accept", case="trialing")
RESUMED = Acceptance("resume", "/resume-subscription", prepared=("/offers/pause/accept", PAUSE))
ACCEPTANCES = (PAUSED, DISCOUNTED, SWITCHED, EXTENDED, RESUMED)
