"""Many customers who cancel, and the effects expected for each, counted with one query per external system."""

import time
from collections import Counter
from typing import Any

import httpx

from deployments.demo.cases import CASES
from deployments.demo.customers import seed
from nodes.settings import SeedSettings, load
from tests.faults.topic import Topic
from tests.waiting import eventually
from tests.world import Person, Row, World

CANCEL: dict[str, Any] = {"reason": "too_expensive"}
CONFIRMATION = "cancellation_confirmation"
EVENT = "subscription.canceled"
LOOK_EVERY_SECONDS = 0.25
[_PROFESSIONAL] = [case for case in CASES if case.name == "professional"]


class Crowd:
    """So many new customers, each with one subscription."""

    def __init__(self, world: World, size: int) -> None:
        self._world = world
        self._began = int(time.time()) - 1
        self._asked_before = max((each["sequence"] for each in self._asked_of_stripe(0)), default=0)
        made = seed(load(SeedSettings), progress=lambda _: None, cases=(_PROFESSIONAL,) * size)
        self.people: list[Person] = [world.known(each) for each in made]

    def of_stripe(self, person: Person) -> dict[str, Any]:
        """Return fault parameters that match only this customer's calls."""
        return {"contains": person.subscription_id}

    def requests(self) -> list[Row]:
        return self._rows("SELECT * FROM cancellation_requests WHERE user_id = ANY(%s)")

    def answered(self) -> int:
        """Return the number of requests that have a response."""
        return sum(1 for row in self.requests() if row["finished_at"])

    def until_done(self, within: float) -> float:
        """Return the seconds until no work is left for anyone."""
        began = time.monotonic()
        left = "SELECT id FROM cancellation_requests WHERE user_id = ANY(%s) AND resume_at IS NOT NULL"
        eventually(lambda: not self._rows(left), within=within, every=LOOK_EVERY_SECONDS)
        return time.monotonic() - began

    def wrong(self, topic: Topic) -> list[str]:
        """Return missing or extra effects: each has one request, one cancellation and one confirmation."""
        count = {
            "requests": self._count("SELECT user_id FROM cancellation_requests WHERE outcome = 'pending_cancellation'"),
            "asked": self._count("SELECT user_id FROM cancellation_requests"),
            "audited": self._count("SELECT user_id FROM audit_log WHERE http_status = 200"),
            "reasons": self._count("SELECT user_id FROM cancellation_reasons"),
            "retention jobs": self._count("SELECT user_id FROM data_retention_jobs WHERE status = 'scheduled'"),
            "rows": self._count("SELECT user_id FROM subscriptions WHERE status = 'pending_cancellation'"),
            "Stripe's writes": self._writes(),
            "Stripe": self._pending(),
            "emails": self._emails(),
            "events": Counter({p.user_id: len(topic.events_of(p.user_id)) for p in self.people}),
        }
        return [
            f"{person.user_id} has {counted[person.user_id]} {what}"
            for what, counted in count.items()
            for person in self.people
            if counted[person.user_id] != 1
        ]

    def _count(self, query: str) -> Counter[str]:
        joint = "AND" if "WHERE" in query else "WHERE"
        return Counter(str(row["user_id"]) for row in self._rows(f"{query} {joint} user_id = ANY(%s)"))

    def _rows(self, query: str) -> list[Row]:
        return self._world.rows(query, [person.user_id for person in self.people])

    def _writes(self) -> Counter[str]:
        done = [
            each["path"].rpartition("/")[2]
            for each in self._asked_of_stripe(self._asked_before)
            if each["method"] == "POST" and each["status"] == 200 and not each["replayed"]
        ]
        return self._by_user(Counter(done))

    def _pending(self) -> Counter[str]:
        made = self._world.stripe.subscriptions.list({"created": {"gte": self._began}, "limit": 100, "status": "all"})
        return self._by_user(Counter(each.id for each in made.auto_paging_iter() if each.cancel_at_period_end))

    def _emails(self) -> Counter[str]:
        emails = self._world.inbox.get("/messages.json", timeout=60).json()
        count = Counter(address for email in emails for address in email["recipients"])
        return Counter({person.user_id: count[person.email] for person in self.people})

    def _by_user(self, by_subscription: Counter[str]) -> Counter[str]:
        return Counter({person.user_id: by_subscription[person.subscription_id] for person in self.people})

    def _asked_of_stripe(self, since: int) -> list[Row]:
        url = f"{self._world.addresses['stripe']}/_simulator/requests"
        found: list[Row] = httpx.get(url, params={"since": since}, timeout=60).json()["requests"]
        return found
