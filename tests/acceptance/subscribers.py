"""Customers that the demo has no case for: on their own test clock, or with a status that takes several steps."""

import time
import uuid
from dataclasses import dataclass, replace

import stripe
from stripe.params import CustomerCreateParams, SubscriptionCreateParams

from deployments.demo.cases import Interval
from deployments.demo.catalog import Catalog
from deployments.demo.customers import FAILING_CARD, GOOD_CARD, DemoCustomer
from nodes.rules.statuses import local_status
from sql import QUERIES
from tests.world import Person, World


@dataclass
class Clock:
    """A Stripe test clock, which sets the time for the customers created on it."""

    world: World
    id: str
    now: int

    def advance(self, until: int) -> None:
        """Advance to a time in Unix seconds."""
        self.world.stripe.test_helpers.test_clocks.advance(self.id, {"frozen_time": until})
        self.now = until


def clock(world: World, *, ahead: int = 0) -> Clock:
    """Create a stopped clock at the current time, `ahead` seconds later or earlier."""
    now = int(time.time()) + ahead
    made = world.stripe.test_helpers.test_clocks.create({"frozen_time": now, "name": "test"})
    return Clock(world, made.id, now)


def subscriber(
    world: World,
    *,
    plan: str = "professional",
    interval: Interval = "month",
    card: str | None = GOOD_CARD,
    on: Clock | None = None,
    trial_days: int | None = None,
    without_card_at_trial_end: bool = False,
    price: str | None = None,
    more: SubscriptionCreateParams | None = None,
    user_id: str | None = None,
) -> Person:
    """Create a customer with one subscription, in Stripe and in our tables as they are after `subscriptions.create`.

    `price` overrides the plan's. `more` holds further parameters of the subscription.
    """
    user_id = user_id or str(uuid.uuid4())
    email = f"subscriber-{uuid.uuid4().hex[:8]}@example.com"
    customer_id = _customer(world, user_id, email, card, on)
    wanted: SubscriptionCreateParams = {
        "customer": customer_id,
        "items": [{"price": price or Catalog(world.stripe_client).price(plan, interval)}],
        **(more or {}),
    }
    if trial_days:
        wanted["trial_period_days"] = trial_days
    if without_card_at_trial_end:
        wanted["trial_settings"] = {"end_behavior": {"missing_payment_method": "pause"}}
    made = world.stripe.subscriptions.create(wanted)
    profile = {"name": "Robin Doe", "locale": "en_US", "time_zone": "UTC", "country": "US"}
    user = {"id": user_id, "email": email, "stripe_customer_id": customer_id, **profile}
    world.admin.execute(QUERIES["seed_user"], user)
    _row(world, user_id, plan, made)
    return world.known(DemoCustomer("subscriber", user_id, email, [made.id]))


def subscribing_to(world: World, person: Person, plan: str) -> Person:
    """Subscribe the customer to another plan as well."""
    customer = str(world.stripe.subscriptions.retrieve(person.subscription_id).customer)
    price = Catalog(world.stripe_client).price(plan, "month")
    made = world.stripe.subscriptions.create({"customer": customer, "items": [{"price": price}]})
    _row(world, person.user_id, plan, made)
    return replace(person, subscription_ids=[*person.subscription_ids, made.id])


def _row(world: World, user_id: str, plan: str, made: stripe.Subscription) -> None:
    row = {
        "id": made.id,
        "user_id": user_id,
        "stripe_customer_id": made.customer,
        "plan": plan,
        "status": local_status(made.status, pending=False),
        "current_period_start": made.items.data[0].current_period_start,
        "current_period_end": made.items.data[0].current_period_end,
        "cancel_at": None,
    }
    world.admin.execute(QUERIES["seed_subscription"], row)


def unpaid_from_the_start(world: World) -> Person:
    """Create a customer whose first payment failed, so Stripe's status is `incomplete`."""
    return subscriber(world, card=FAILING_CARD)


def paused(world: World) -> Person:
    """Create a customer whose trial ended without a card, with a pause configured for that case."""
    on = clock(world)
    person = subscriber(world, card=None, on=on, trial_days=1, without_card_at_trial_end=True)
    on.advance(on.now + 2 * 24 * 3600)
    return person


def _customer(world: World, user_id: str, email: str, card: str | None, on: Clock | None) -> str:
    wanted: CustomerCreateParams = {"email": email, "name": "Robin Doe", "metadata": {"user_id": user_id}}
    if card:
        wanted |= {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
    if on:
        wanted["test_clock"] = on.id
    return world.stripe.customers.create(wanted).id
