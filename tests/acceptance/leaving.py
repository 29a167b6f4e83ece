"""A company whose plans end cancellations in each possible way, on a separate trigger, and its customers."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.subscribers import Clock, clock, subscriber
from tests.acceptance.trigger import serving
from tests.world import Person, Row, World

DAY = 24 * 3600
PLANS = {
    "prorated": "{ends: now, refund: prorated}",
    "full": "{ends: now, refund: full}",
    "none": "{ends: now}",
    "keeping": "{ends: now, refund: full}",
    "access": "{access_ends: now}",
    "usual": "{}",
}


def new_mark() -> str:
    """Return a mark that distinguishes a company's prices from others in the same Stripe account."""
    return uuid.uuid4().hex[:8]


def written(directory: Path, mark: str) -> str:
    """Write the company's catalogue and return its path: each plan by its policy; `keeping` keeps unpaid periods."""
    plans = [
        f"  {plan}:\n    name: {plan.title()}\n    stripe: {{lookup_keys: [{plan}-{mark}]}}\n"
        f"    cancellation: {policy}\n" + ("    past_due: keep_period\n" if plan == "keeping" else "")
        for plan, policy in PLANS.items()
    ]
    catalog = directory / "catalog.yaml"
    catalog.write_text("plans:\n" + "".join(plans), encoding="utf-8")
    return str(catalog)


@dataclass
class Company:
    """A company with its own prices in each plan. `http`: its trigger."""

    world: World
    mark: str
    http: httpx.Client

    def price(self, plan: str, **more: Any) -> str:
        """Return a new monthly price of the plan; the latest one has the plan's lookup key."""
        product = self.world.stripe.products.create({"name": "Ours"}).id
        wanted: Any = {"currency": "usd", "unit_amount": 5000, "recurring": {"interval": "month"}, **more}
        wanted |= {"product": product, "lookup_key": f"{plan}-{self.mark}", "transfer_lookup_key": True}
        return self.world.stripe.prices.create(wanted).id

    def customer(
        self, plan: str, *, on: Clock | None = None, price: Row | None = None, quantity: int = 1, **given: Any
    ) -> Person:
        """Return a customer of the plan, on a clock if it is given."""
        made = self.price(plan, **(price or {}))
        more: Any = {"items": [{"price": made, "quantity": quantity}], **given.pop("more", {})}
        return subscriber(self.world, plan=plan, on=on, price=made, more=more, **given)

    def customer_after(self, plan: str, seconds: int, **given: Any) -> tuple[Clock, Person]:
        """Return a customer some time into their first period."""
        at = clock(self.world, ahead=-40 * DAY)
        person = self.customer(plan, on=at, **given)
        if seconds:
            at.advance(at.now + seconds)
        return at, person

    def preview(self, person: Person) -> httpx.Response:
        return self.http.get("/cancellation-preview", headers=person.headers)

    def cancel(self, person: Person, **body: object) -> httpx.Response:
        asked = {"user_id": person.user_id, "reason": "unused", **body}
        return self.http.post("/cancel-subscription", json=asked, headers=person.headers)

    def notes(self, person: Person) -> list[Row]:
        """Return the credit notes on the customer's invoices, oldest first."""
        invoices = self.world.stripe.invoices.list({"subscription": person.subscription_id}).data
        notes = [each for one in invoices for each in self.world.stripe.credit_notes.list({"invoice": one.id}).data]
        return [each.to_dict() for each in sorted(notes, key=lambda each: each.created)]


@contextmanager
def company(world: World, directory: Path) -> Iterator[Company]:
    """Run the company's trigger."""
    mark = new_mark()
    with serving(directory, CATALOG=written(directory, mark)) as http:
        yield Company(world, mark, http)
