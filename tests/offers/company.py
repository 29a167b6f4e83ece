"""The company's customers, what they are shown, and what they are charged."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import stripe
from stripe.params import SubscriptionCreateParams

from tests.acceptance.subscribers import Clock, subscriber
from tests.offers.catalog import price
from tests.world import Person, Row, World

MINUTE, HOUR, DAY = 60, 3600, 86_400


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    """Return Unix seconds for a UTC time."""
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp())


def when(text: str) -> int:
    """Return Unix seconds for a time in a response."""
    return int(datetime.fromisoformat(text).timestamp())


@dataclass(frozen=True)
class Company:
    """The trigger with the catalogue of offers, and the stack behind it."""

    world: World
    http: httpx.Client

    def clock(self, now: int) -> Clock:
        """Create a stopped clock at a time."""
        made = self.world.stripe.test_helpers.test_clocks.create({"frozen_time": now, "name": "offers"})
        return Clock(self.world, made.id, now)

    def customer(
        self,
        plan: str = "team",
        unit: str = "month",
        count: int = 1,
        *,
        on: Clock | None = None,
        quantity: int = 1,
        coupon: dict[str, Any] | None = None,
        trial_days: int | None = None,
        more: SubscriptionCreateParams | None = None,
    ) -> Person:
        """Create a customer with one subscription to a plan."""
        items: SubscriptionCreateParams = {
            "items": [{"price": price(self.world, plan, unit, count), "quantity": quantity}],
            **(more or {}),
        }
        if coupon:
            items["discounts"] = [{"coupon": self.world.stripe.coupons.create(coupon).id}]  # type: ignore[arg-type]
        return subscriber(self.world, plan=plan, on=on, trial_days=trial_days, price="unused", more=items)

    def shown(self, person: Person, **query: str) -> Row:
        """Return the response of GET /offers."""
        response = self.http.get("/offers", headers=person.headers, params=query)
        assert response.status_code == 200, response.text
        found: Row = response.json()
        return found

    def offered(self, person: Person) -> dict[str, list[Row]]:
        """Return the options by the offer's id."""
        return {each["id"]: each["options"] for each in self.shown(person)["offers"]}

    def accept(self, person: Person, offer: str, *, key: str | None = None, **body: object) -> httpx.Response:
        headers = person.headers | ({"Idempotency-Key": key} if key else {})
        return self.http.post(f"/offers/{offer}/accept", json=body, headers=headers)

    def resume(self, person: Person, **body: object) -> httpx.Response:
        return self.http.post("/resume-subscription", json=body, headers=person.headers)

    def subscription(self, person: Person, *expand: str) -> stripe.Subscription:
        return self.world.stripe.subscriptions.retrieve(person.subscription_id, {"expand": list(expand)})

    def customer_id(self, person: Person) -> str:
        return str(self.subscription(person).customer)

    def invoices(self, person: Person) -> list[stripe.Invoice]:
        """Return the subscription's invoices, oldest first."""
        listed = self.world.stripe.invoices.list({"subscription": person.subscription_id, "limit": 100})
        return sorted(listed.data, key=lambda each: each.created)

    def request(self, response: httpx.Response) -> Row:
        return self.world.row("SELECT * FROM change_requests WHERE id = %s", response.headers["Change-Request-Id"])
