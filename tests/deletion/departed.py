"""Customers who left some time ago: they lived on a Stripe test clock that began in the past, and cancelled there.

So nothing is aged: Stripe says itself that it ended so many days ago, and the retention job follows from that. Only
what hangs on our own database's clock, the age of a request, is moved by its owner.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import State

from nodes.node import without_prefect
from nodes.rules.dates import months_after
from nodes.rules.statuses import is_live
from tests.acceptance.subscribers import Clock, subscriber
from tests.waiting import eventually
from tests.world import Person, World

# Each date of ours that says when something was given; the rest follow from Stripe.
AGE_REQUESTS = """UPDATE cancellation_requests SET received_at = received_at - %s::interval WHERE user_id = %s"""
AGE_REASONS = """UPDATE cancellation_reasons SET created_at = created_at - %s::interval WHERE user_id = %s"""
# Stripe tells us of the end, and nothing of what it told us waits.
HEARD = "SELECT FROM stripe_events WHERE subscription_id = %s AND type = 'customer.subscription.deleted'"
UNHEARD = "SELECT FROM stripe_events WHERE subscription_id = %s AND resume_at IS NOT NULL"
UNDER_WAY = "SELECT FROM cancellation_requests WHERE user_id = %s AND resume_at IS NOT NULL"


def departed(
    world: World, *, days_ago: float, plan: str = "professional", user_id: str | None = None, **asked: Any
) -> tuple[Person, Clock]:
    """A customer who cancelled here with this body, and whose subscription ended then, by Stripe's word alone."""
    person, clock = leaving(world, days_ago=days_ago, plan=plan, user_id=user_id)
    leaves(world, person, clock, **asked)
    return person, clock


def leaving(
    world: World, *, days_ago: float, plan: str = "professional", user_id: str | None = None
) -> tuple[Person, Clock]:
    """A customer whose paid month ends then, or a day earlier in a short one; they have not asked for anything yet."""
    then = int(months_after(datetime.now(UTC) - timedelta(days=days_ago), -1).timestamp())
    made = world.stripe.test_helpers.test_clocks.create({"frozen_time": then, "name": "the past"})
    clock = Clock(world, made.id, then)
    return subscriber(world, plan=plan, on=clock, user_id=user_id), clock


def leaves(world: World, person: Person, clock: Clock, **asked: Any) -> None:
    """They cancel with this body, and their month comes to its end."""
    assert world.cancel(person, **asked).status_code == 200
    eventually(lambda: not world.rows(UNDER_WAY, person.user_id))
    end = world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at
    assert end is not None
    clock.advance(end + 60)
    assert not is_live(world.stripe.subscriptions.retrieve(person.subscription_id).status)
    eventually(lambda: world.rows(HEARD, person.subscription_id) and not world.rows(UNHEARD, person.subscription_id))
    world.tried(person)


def given_days_ago(world: World, person: Person, days: float) -> None:
    """Move the moment at which the customer asked, and with it what they wrote, into the past; once all is at rest."""
    eventually(lambda: not world.rows(UNDER_WAY, person.user_id))
    for change in (AGE_REQUESTS, AGE_REASONS):
        world.admin.execute(change.encode(), [f"{days} days", person.user_id])


def swept(flow: Flow[..., Any], **parameters: Any) -> State[None]:
    """Run a scheduled flow here, with services of its own, and give its last state. Prefect has tests of its own."""

    async def run() -> State[None]:
        with without_prefect():
            ended: State[None] = await flow.fn(**parameters)
            return ended

    return asyncio.run(run())


def claims_lapse(world: World, person: Person) -> None:
    """Ten minutes go by: what a run had in hand and did not finish is free again."""
    for claim, table in (("claimed_until", "data_retention_jobs"), ("anonymizing_until", "cancellation_requests")):
        lapse = f"UPDATE {table} SET {claim} = now() WHERE user_id = %s AND {claim} IS NOT NULL"
        world.admin.execute(lapse.encode(), [person.user_id])


def later_job(world: World, person: Person) -> int:
    """Another subscription of theirs ends now, and has a job of its own; returns its id."""
    made = world.row(
        "INSERT INTO data_retention_jobs (request_id, user_id, subscription_id, cancel_at, run_at)"
        " VALUES (gen_random_uuid(), %s, 'sub_' || gen_random_uuid(), now(), now() + interval '90 days') RETURNING id",
        person.user_id,
    )
    return int(made["id"])
