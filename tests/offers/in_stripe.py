"""One customer's subscription in Stripe, the writes that were made for it, and waiting until no work is left."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import stripe

from nodes.rules.statuses import is_live, is_pending
from tests.waiting import eventually
from tests.webhooks.events import WITHIN
from tests.world import Person, Row, World

LEFT = """SELECT 1 FROM requests WHERE user_id = %s AND resume_at IS NOT NULL
    UNION ALL SELECT 1 FROM outbox WHERE user_id = %s AND delivered_at IS NULL AND NOT refused
    UNION ALL SELECT 1 FROM stripe_events WHERE subscription_id = %s AND resume_at IS NOT NULL"""


@dataclass
class InStripe:
    """The subscription. `since`: the number of the last call to Stripe before this one was created."""

    world: World
    person: Person
    since: int = field(init=False)

    def __post_init__(self) -> None:
        self.since = max((each["sequence"] for each in self._control("requests")["requests"]), default=0)

    @property
    def subscription(self) -> stripe.Subscription:
        wanted = ["schedule", "discounts", "discounts.source.coupon"]
        return self.world.stripe.subscriptions.retrieve(self.person.subscription_id, {"expand": wanted})

    @property
    def live(self) -> bool:
        return is_live(self.subscription.status)

    @property
    def pending(self) -> bool:
        found = self.subscription
        return is_live(found.status) and is_pending(
            cancel_at_period_end=found.cancel_at_period_end, cancel_at=found.cancel_at
        )

    def state(self) -> tuple[Any, ...]:
        """Return everything about the subscription that a request can change."""
        found = self.subscription
        pause, schedule = found.pause_collection, found.schedule
        return (
            found.status,
            found.cancel_at_period_end,
            found.cancel_at,
            (pause.behavior, pause.resumes_at) if pause else None,
            [each.price.id for each in found.items.data],
            [(each.source.coupon.id, each.end) for each in found.discounts],  # type: ignore[union-attr]
            found.trial_end,
            [each["items"][0].price for each in schedule.phases] if schedule else None,  # type: ignore[union-attr]
        )

    def writes(self) -> list[Row]:
        """Return the writes that Stripe carried out since then for a request of this product, and didn't replay."""
        found: list[Row] = self._control("requests", since=self.since)["requests"]
        return [
            each
            for each in found
            if each["method"] != "GET"
            and (each["status"] or 500) < 300
            and not each["replayed"]
            and each["path"].startswith(("/v1/subscriptions/", "/v1/subscription_schedules"))
        ]

    def settled(self) -> None:
        """Wait until every event is delivered and no work is left."""
        eventually(self._delivered, within=WITHIN)
        of = (self.person.user_id, self.person.user_id, self.person.subscription_id)
        eventually(lambda: not self.world.rows(LEFT, *of), within=WITHIN)

    def _delivered(self) -> bool:
        deliveries = self._control("webhooks")["deliveries"]
        return not any(each["state"] == "pending" for each in deliveries)

    def _control(self, what: str, **query: Any) -> Row:
        found: Row = httpx.get(f"{self.world.addresses['stripe']}/_simulator/{what}", params=query, timeout=60).json()
        return found
