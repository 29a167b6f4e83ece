"""The branches of the flow, each with a customer who takes it, and its expected effects in every external system."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import stripe

from nodes.clients.catalog import read_catalog
from tests.acceptance.subscribers import unpaid_from_the_start
from tests.faults.topic import Event
from tests.world import Person, Row, World

CONFIRMATION = "cancellation_confirmation"
EVENT = "subscription.canceled"
# The event that Stripe's report of an end causes, besides the flow.
ENDED = "subscription.ended"


@dataclass(frozen=True)
class Branch:
    """One path through the flow."""

    name: str
    customer: Callable[[World], Person]
    accept: bool = False
    outcome: str = "pending_cancellation"
    entitlements: int = 0
    releases: bool = False  # a schedule, before the subscription can be cancelled
    voids: bool = False  # an open invoice, after the subscription's end
    shares: bool = False  # something with every other customer of this branch

    table: ClassVar[str] = "cancellation_requests"
    failed: ClassVar[str] = "Cancellation failed, try again"

    @property
    def body(self) -> dict[str, Any]:
        """Return the request's body."""
        return {"accept_offer": True} if self.accept else {"reason": "too_expensive", "feedback": "More than I use"}

    def post(self, http: httpx.Client, person: Person, key: str) -> httpx.Response:
        """Send the request."""
        headers = {**person.headers, "Idempotency-Key": key}
        return http.post("/cancel-subscription", json={"user_id": person.user_id, **self.body}, headers=headers)

    def effects(self, world: World, person: Person) -> list[Row]:
        """Return what Stripe carried out."""
        return effects_at_stripe(world, person)

    def unexpected(self, world: World, person: Person, events: list[Event]) -> list[str]:
        """Return the effects of a request that was never received; there should be none."""
        return unexpected_effects(world, person, events)

    def wrong(self, world: World, person: Person, events: list[Event], *, reported_failed: bool = False) -> list[str]:
        """Return missing or extra effects, counted in the external systems when no work is left."""
        return wrong_effects(world, person, self, events, reported_failed=reported_failed)


def _accepting_customer(plan: str, *, coupon_exists: bool = True) -> Callable[[World], Person]:
    def made(world: World) -> Person:
        _coupon(world, plan, exists=coupon_exists)
        return world.person(plan)

    return made


def _coupon(world: World, plan: str, *, exists: bool) -> None:
    offer = read_catalog().plan(plan).offer
    assert offer is not None
    try:
        if exists:
            world.stripe.coupons.create(
                {
                    "id": offer.coupon_id,
                    "percent_off": offer.percent_off,
                    "duration": "repeating",
                    "duration_in_months": offer.months,
                }
            )
        else:
            world.stripe.coupons.delete(offer.coupon_id)
    except stripe.InvalidRequestError as error:
        assert error.code == ("resource_already_exists" if exists else "resource_missing")


CANCEL = Branch("cancel", lambda world: world.person("professional"))
ACCEPT = Branch("accept", _accepting_customer("professional"), accept=True, outcome="retained")
# For these only the additional effects are tested.
OTHERS = (
    Branch("accept, no coupon yet", _accepting_customer("starter", coupon_exists=False), True, "retained", shares=True),
    Branch("accept, Enterprise", _accepting_customer("enterprise"), accept=True, outcome="retained", entitlements=1),
    Branch("cancel, plan change scheduled", lambda world: world.person("schedule_managed"), releases=True),
    Branch("cancel, past due", lambda world: world.person("past_due"), outcome="canceled", voids=True),
    Branch("cancel, never paid", unpaid_from_the_start, outcome="canceled"),
)
BRANCHES = (CANCEL, ACCEPT, *OTHERS)


def wrong_effects(
    world: World, person: Person, branch: Branch, events: list[Event], *, reported_failed: bool = False
) -> list[str]:
    """Return missing or extra effects, counted in the external systems when no work is left.

    `reported_failed`: a failure was reported to the caller, who repeated the request. A repeat that is too early is
    refused and audited as such.
    """
    rows = world.belongings(person.user_id)
    cancelled = not branch.accept
    found = _at_stripe(world, person) | {
        "requests": [(r["outcome"], r["http_status"], r["resume_at"]) for r in rows["cancellation_requests"]],
        "audited": sorted((r["outcome"], r["http_status"]) for r in rows["audit_log"] if r["outcome"] != "refused"),
        "reasons": len(rows["cancellation_reasons"]),
        "retention jobs": [r["status"] for r in rows["data_retention_jobs"]],
        "offers": [r["state"] for r in rows["retention_offers"]],
        "entitlements": len(rows["entitlements"]),
        "subscription": [r["status"] for r in rows["subscriptions"]],
        "undelivered": [r["kind"] for r in rows["outbox"] if r["delivered_at"] is None and r["kind"] != ENDED],
        "outbox": sorted(r["kind"] for r in rows["outbox"] if r["kind"] != ENDED),
        "emails": {email["message_id"] for email in world.emails(person)},
        "events": {(event["event"], event["event_id"]) for event in events if event["event"] != ENDED},
    }
    ids = {row["kind"]: row["id"] for row in rows["outbox"]}
    due = _due_at_stripe(branch) | {
        "requests": [(branch.outcome, 200, None)],
        "audited": sorted([("failed", 500)] * reported_failed + [(branch.outcome, 200)]),
        "reasons": int(cancelled),
        "retention jobs": ["scheduled"] * cancelled,
        "offers": ["applied"] * branch.accept,
        "entitlements": branch.entitlements,
        "subscription": [branch.outcome if cancelled else "active"],
        "undelivered": [],
        "outbox": [CONFIRMATION, EVENT] * cancelled,
        "emails": {f"<{ids.get(CONFIRMATION)}@cancelflow>"} if cancelled else set(),
        "events": {(EVENT, str(ids.get(EVENT)))} if cancelled else set(),
    }
    return [f"{what}: {found[what]}, not {due[what]}" for what in due if found[what] != due[what]]


def unexpected_effects(world: World, person: Person, events: list[Event]) -> list[str]:
    """Return the effects of a request that was never received; there should be none."""
    rows = world.belongings(person.user_id)
    left = [table for table, of_user in rows.items() if of_user and table not in ("users", "subscriptions")]
    statuses = [row["status"] for row in rows["subscriptions"] if row["status"] != "active"]
    return [*left, *statuses, *map(str, effects_at_stripe(world, person)), *map(str, world.emails(person) + events)]


def effects_at_stripe(world: World, person: Person) -> list[Row]:
    """Return the changes of their subscription, its schedule or its invoices that Stripe carried out."""
    released = "SELECT released_schedule AS id FROM cancellation_requests WHERE user_id = %s"
    schedules = [row["id"] for row in world.rows(released, person.user_id) if row["id"]]
    invoices = world.stripe.invoices.list({"subscription": person.subscription_id}).data
    changed = [
        f"/v1/subscriptions/{person.subscription_id}",
        *(f"/v1/subscription_schedules/{schedule}" for schedule in schedules),
        *(f"/v1/invoices/{invoice.id}" for invoice in invoices),
    ]
    writes = [write for path in changed for write in world.simulator.requests(path=path) if write["method"] != "GET"]
    return [write for write in writes if write["status"] == 200 and not write["replayed"]]


def _at_stripe(world: World, person: Person) -> dict[str, object]:
    found = world.stripe.subscriptions.retrieve(person.subscription_id)
    return {
        "Stripe's writes": len(effects_at_stripe(world, person)),
        "Stripe": (found.status, found.cancel_at_period_end, len(found.discounts), found.schedule),
    }


def _due_at_stripe(branch: Branch) -> dict[str, object]:
    ended, pending = branch.outcome == "canceled", branch.outcome == "pending_cancellation"
    return {
        "Stripe's writes": 2 if branch.releases or branch.voids else 1,
        "Stripe": ("canceled" if ended else "active", pending, int(branch.accept), None),
    }
