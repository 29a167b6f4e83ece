"""Rows created and updated only by webhooks, in any order, without overwriting a company's own data."""

import asyncio
from collections import Counter
from itertools import permutations
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import stripe
from psycopg.rows import dict_row
from pydantic import SecretStr

from deployments.demo.catalog import Catalog
from deployments.demo.customers import GOOD_CARD, DemoCustomer
from deployments.migrations import migrate
from flows.handle_stripe_event import handle_stripe_event
from nodes.clients.webhooks import STRIPE_EVENTS, Webhooks
from nodes.node import without_prefect
from nodes.rules.stripe_changes import Change
from nodes.services import open_services, using
from nodes.settings import BillingSettings, DatabaseSettings, ServiceSettings, load
from tests.nodes.clients.test_database import new_database
from tests.reactivation.people import subjects
from tests.waiting import eventually
from tests.webhooks.events import deliver, envelope, order, settled
from tests.world import Person, Row, World

pytestmark = pytest.mark.slow

CONFIRMED = "Cancellation confirmed: "


def customer(world: World, *, user_id: str | None = None, **given: Any) -> stripe.Customer:
    """Create a customer in Stripe only."""
    named = {"metadata": {"user_id": user_id}} if user_id else {}
    card = {"payment_method": GOOD_CARD, "invoice_settings": {"default_payment_method": GOOD_CARD}}
    email = f"copied-{uuid4().hex[:8]}@example.com"
    wanted: Any = {"email": email, "name": "Robin Doe", **card, **named, **given}
    return world.stripe.customers.create(wanted)


def subscription(world: World, of: stripe.Customer, **given: Any) -> stripe.Subscription:
    price = Catalog(world.stripe_client).price("professional", "month")
    wanted: Any = {"customer": of.id, "items": [{"price": price}], **given}
    return world.stripe.subscriptions.create(wanted)


def user(world: World, user_id: str) -> Row | None:
    return next(iter(world.rows("SELECT * FROM users WHERE id = %s", user_id)), None)


def row(world: World, subscription_id: str) -> Row | None:
    return next(iter(world.rows("SELECT * FROM subscriptions WHERE id = %s", subscription_id)), None)


def person(world: World, user_id: str, of: stripe.Customer, *subscriptions: stripe.Subscription) -> Person:
    made = DemoCustomer("copied", user_id, str(of.email), [each.id for each in subscriptions])
    return world.known(made)


def event_id_of(world: World, identifier: str, kind: str) -> str:
    """Return the id of the event of this type about this object."""
    found = world.stripe.events.list({"limit": 100, "type": kind}).data
    return next(event.id for event in found if event.data.object["id"] == identifier)


def events(world: World, of: stripe.Customer) -> list[Row]:
    return world.rows("SELECT * FROM stripe_events WHERE customer_id = %s ORDER BY received_at", of.id)


def all_handled(world: World, of: stripe.Customer) -> list[Row]:
    eventually(lambda: events(world, of) and all(row["handled_at"] for row in events(world, of)))
    return events(world, of)


def test_a_customer_who_subscribes_in_stripe_can_cancel_here(world: World) -> None:
    user_id = f"auth0|{uuid4()}"
    new = customer(world, user_id=user_id, preferred_locales=["de-DE"], address={"country": "DE"})
    bought = subscription(world, new)
    eventually(lambda: row(world, bought.id))

    them = person(world, user_id, new, bought)
    assert world.cancel(them).status_code == 200

    settled(world, them)
    assert [each for each in subjects(world, them) if each.startswith("Kündigung bestätigt: ")]
    found = user(world, user_id)
    assert found is not None
    assert (found["name"], found["locale"], found["country"]) == ("Robin Doe", "de-DE", "DE")


def test_a_customer_without_a_user_id_gets_stripes_customer_id(world: World) -> None:
    new = customer(world)
    eventually(lambda: user(world, new.id))
    bought = subscription(world, new)
    eventually(lambda: row(world, bought.id))
    assert world.cancel(person(world, new.id, new, bought)).status_code == 200


def test_the_next_email_goes_to_the_new_address(world: World) -> None:
    new = customer(world)
    bought = subscription(world, new)
    eventually(lambda: row(world, bought.id))
    changed = world.stripe.customers.update(new.id, {"email": f"moved-{uuid4().hex[:8]}@example.com"})
    eventually(lambda: (user(world, new.id) or {})["email"] == changed.email)

    them = person(world, new.id, changed, bought)
    assert world.cancel(them).status_code == 200
    settled(world, them)
    assert [each for each in subjects(world, them) if each.startswith(CONFIRMED)]


def test_an_address_changed_in_stripe_replaces_the_companys(world: World) -> None:
    them = world.person("professional")
    found = user(world, them.user_id)
    assert found is not None
    world.stripe.customers.update(found["stripe_customer_id"], {"email": f"new-{them.email}"})
    eventually(lambda: (user(world, them.user_id) or {})["email"] == f"new-{them.email}")
    after = user(world, them.user_id)
    assert after is not None
    kept = ("name", "locale", "time_zone", "country")  # which Stripe does not know
    assert [after[column] for column in kept] == [found[column] for column in kept]


def test_a_new_price_changes_the_plan(world: World) -> None:
    them = world.person("professional")
    bought = world.stripe.subscriptions.retrieve(them.subscription_id)
    price = Catalog(world.stripe_client).price("enterprise", "month")
    items: Any = [{"id": bought.items.data[0].id, "price": price}]
    world.stripe.subscriptions.update(bought.id, {"items": items})
    eventually(lambda: (row(world, bought.id) or {})["plan"] == "enterprise")
    assert world.rows("SELECT FROM outbox WHERE user_id = %s", them.user_id) == []


def test_an_event_about_an_unknown_subscription_creates_its_rows_and_is_handled(world: World) -> None:
    with world.simulator.losing_webhooks():
        new = customer(world)
        bought = subscription(world, new)
    order(world, "portal", subscription=bought.id, action="cancel", feedback="unused")

    them = person(world, new.id, new, bought)
    eventually(lambda: [each for each in subjects(world, them) if each.startswith(CONFIRMED)])
    found = row(world, bought.id)
    assert found is not None
    assert (found["user_id"], found["status"]) == (new.id, "pending_cancellation")


def test_the_end_of_an_unknown_subscription_is_emailed(world: World) -> None:
    with world.simulator.losing_webhooks():
        new = customer(world)
        bought = subscription(world, new)
    order(world, "end", subscription=bought.id, reason="payment_failed")
    them = person(world, new.id, new, bought)
    eventually(lambda: subjects(world, them))
    ended = world.row("SELECT kind FROM subscription_ends WHERE subscription_id = %s", bought.id)
    assert ended["kind"] == "payment_failed"


def test_every_order_of_events_leads_to_the_same_rows(world: World) -> None:
    seen = []
    for which in permutations(range(3)):
        with world.simulator.losing_webhooks():
            user_id = str(uuid4())
            new = customer(world, user_id=user_id)
            bought = subscription(world, new)
            world.stripe.customers.update(new.id, {"name": "Robin Roe"})
        kinds = (
            (new.id, "customer.created"),
            (bought.id, "customer.subscription.created"),
            (new.id, "customer.updated"),
        )
        ids = [event_id_of(world, *kinds[index]) for index in which]
        for event in [*ids, *reversed(ids)]:
            assert deliver(world, event).status_code == 200
        assert len(all_handled(world, new)) == 3
        user_row, subscription_row = user(world, user_id), row(world, bought.id)
        assert user_row is not None
        assert subscription_row is not None
        seen.append((user_row["name"], subscription_row["user_id"] == user_id, subscription_row["status"]))
    assert seen == [("Robin Roe", True, "active")] * 6


def test_events_about_known_state_need_no_call_to_stripe(world: World) -> None:
    them = world.person("professional")
    found = user(world, them.user_id)
    assert found is not None
    of = world.stripe.customers.retrieve(found["stripe_customer_id"])
    about = [event for event in all_handled(world, of) if event["change"].startswith("new")]
    assert {event["change"] for event in about} == {"new customer", "new subscription"}
    assert {event["outcome"] for event in about} <= {"known", "copied"}
    after = user(world, them.user_id)
    assert after == found


def test_one_look_up_is_enough_for_a_burst_of_changes(world: World) -> None:
    them = world.person("professional")
    found = user(world, them.user_id)
    assert found is not None
    world.admin.execute(
        """INSERT INTO stripe_events (id, type, change, created_at, livemode, subscription_id, customer_id)
        SELECT 'burst ' || %s || n, 'customer.subscription.updated', 'terms', now(), false, %s, %s
        FROM generate_series(1, 100) n""",
        [them.user_id, them.subscription_id, found["stripe_customer_id"]],
    )
    burst = "SELECT outcome FROM stripe_events WHERE id LIKE %s AND handled_at IS NOT NULL"
    eventually(lambda: len(world.rows(burst, f"burst {them.user_id}%")) == 100)
    outcomes = Counter(each["outcome"] for each in world.rows(burst, f"burst {them.user_id}%"))
    # Two, if one was claimed before the others were seen.
    assert outcomes in ({"known": 99, "copied": 1}, {"known": 98, "copied": 2})


def test_a_user_id_added_later_takes_over_the_rows(world: World) -> None:
    new = customer(world)
    bought = subscription(world, new)
    eventually(lambda: row(world, bought.id))
    user_id = str(uuid4())
    world.stripe.customers.update(new.id, {"metadata": {"user_id": user_id}})
    eventually(lambda: (row(world, bought.id) or {})["user_id"] == user_id)
    assert user(world, new.id) is None


def test_a_subscriptions_user_id_moves_it_to_that_user(world: World) -> None:
    new = customer(world)
    bought = subscription(world, new)
    eventually(lambda: row(world, bought.id))
    user_id = str(uuid4())
    world.stripe.subscriptions.update(bought.id, {"metadata": {"user_id": user_id}})
    eventually(lambda: (row(world, bought.id) or {})["user_id"] == user_id)


def test_an_update_of_an_unknown_customer_creates_no_user(world: World) -> None:
    with world.simulator.losing_webhooks():
        new = customer(world)
    world.stripe.customers.update(new.id, {"name": "Somebody"})
    assert [event["outcome"] for event in all_handled(world, new)] == ["copied"]
    assert user(world, new.id) is None


def test_copying_can_be_switched_off(world: World) -> None:
    with world.simulator.losing_webhooks():
        new = customer(world)
        bought = subscription(world, new)
        world.stripe.customers.update(new.id, {"email": "moved@example.com"})
    off = Webhooks(load(BillingSettings).model_copy(update={"sync_from_stripe": False}))
    for identifier, kind in (
        (new.id, "customer.created"),
        (new.id, "customer.updated"),
        (bought.id, "customer.subscription.created"),
    ):
        headers, body = envelope(world, event_id_of(world, identifier, kind))
        assert off.read(body, headers["stripe-signature"]).change is Change.OTHER

    event_id = f"unknown {bought.id}"

    async def handled() -> None:
        settings = load(ServiceSettings).model_copy(update={"sync_from_stripe": False})
        async with open_services(settings) as available:
            with using(available), without_prefect():
                await handle_stripe_event.fn(event_id)

    # Keep it from the running trigger, which has this feature switched on.
    world.admin.execute(
        """INSERT INTO stripe_events (id, type, change, created_at, livemode, subscription_id, resume_at)
        VALUES (%s, 'customer.subscription.updated', 'begins', now(), false, %s, now() + interval '1 day')""",
        [event_id, bought.id],
    )
    asyncio.run(handled())
    handled_event = world.row("SELECT outcome FROM stripe_events WHERE id = %s", event_id)
    assert handled_event["outcome"] == "not about a subscription here"
    assert (user(world, new.id), row(world, bought.id)) == (None, None)


def test_events_about_an_end_are_claimed_before_copies(world: World) -> None:
    with new_database(str(world.addresses["database_admin_url"])) as url:
        migrate(DatabaseSettings(database_url=SecretStr(url), database_admin_url=SecretStr(url)))
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            made = """INSERT INTO stripe_events (id, type, change, created_at, livemode, customer_id, resume_at)
                VALUES (%s, 'any', %s, now(), false, %s, now() - %s * interval '1 minute')"""
            connection.execute(made, ["copy", "customer", "cus_1", 3])
            connection.execute(made, ["copy of the same", "customer", "cus_2", 2])
            connection.execute(made, ["end", "end", "cus_2", 1])
            claim = "SELECT id FROM claim_stripe_events(1, false)"
            assert [each["id"] for each in connection.execute(claim)] == ["end"]
            assert [each["id"] for each in connection.execute(claim)] == ["copy"]


def test_the_endpoint_subscribes_to_each_needed_event_once() -> None:
    assert sorted(STRIPE_EVENTS) == sorted(set(STRIPE_EVENTS))
    assert {"customer.created", "customer.updated", "customer.subscription.created"} <= set(STRIPE_EVENTS)
