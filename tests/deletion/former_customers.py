"""Customers whose subscription ended some time ago: they lived on a Stripe test clock that began in the past.

So nothing has to be aged: Stripe itself reports an end so many days ago, and the retention job follows from it. Only
times on our database's clock, a request's age, are changed by the tables' owner.
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

# The dates that record when something was written; all others follow from Stripe.
AGE_REQUESTS = """UPDATE cancellation_requests SET received_at = received_at - %s::interval WHERE user_id = %s"""
AGE_REASONS = """UPDATE cancellation_reasons SET created_at = created_at - %s::interval WHERE user_id = %s"""
# Stripe has reported the end, and no event of it is unprocessed.
END_RECEIVED = "SELECT FROM stripe_events WHERE subscription_id = %s AND type = 'customer.subscription.deleted'"
UNPROCESSED = "SELECT FROM stripe_events WHERE subscription_id = %s AND resume_at IS NOT NULL"
UNDER_WAY = "SELECT FROM cancellation_requests WHERE user_id = %s AND resume_at IS NOT NULL"


def former_customer(
    world: World, *, days_ago: float, plan: str = "professional", user_id: str | None = None, **asked: Any
) -> tuple[Person, Clock]:
    """Create a customer who cancelled with this body, and whose subscription Stripe ended that many days ago."""
    person, clock = leaving(world, days_ago=days_ago, plan=plan, user_id=user_id)
    leaves(world, person, clock, **asked)
    return person, clock


def leaving(
    world: World, *, days_ago: float, plan: str = "professional", user_id: str | None = None
) -> tuple[Person, Clock]:
    """Create a customer whose paid month ends that many days ago, or a day earlier in a short month."""
    then = int(months_after(datetime.now(UTC) - timedelta(days=days_ago), -1).timestamp())
    made = world.stripe.test_helpers.test_clocks.create({"frozen_time": then, "name": "the past"})
    clock = Clock(world, made.id, then)
    return subscriber(world, plan=plan, on=clock, user_id=user_id), clock


def leaves(world: World, person: Person, clock: Clock, **asked: Any) -> None:
    """Cancel with this body, and let the month end."""
    assert world.cancel(person, **asked).status_code == 200
    month_ends(world, person, clock)


def month_ends(world: World, person: Person, clock: Clock) -> None:
    """Let the month end of a subscription that was cancelled."""
    eventually(lambda: not world.rows(UNDER_WAY, person.user_id))
    end = world.stripe.subscriptions.retrieve(person.subscription_id).cancel_at
    assert end is not None
    clock.advance(end + 60)
    assert not is_live(world.stripe.subscriptions.retrieve(person.subscription_id).status)
    eventually(
        lambda: world.rows(END_RECEIVED, person.subscription_id) and not world.rows(UNPROCESSED, person.subscription_id)
    )
    world.tried(person)


def given_days_ago(world: World, person: Person, days: float) -> None:
    """When no work is left, move the time of the customer's request and reason into the past."""
    eventually(lambda: not world.rows(UNDER_WAY, person.user_id))
    for change in (AGE_REQUESTS, AGE_REASONS):
        world.admin.execute(change.encode(), [f"{days} days", person.user_id])


def swept(flow: Flow[..., Any], **parameters: Any) -> State[None]:
    """Run a scheduled flow here, with its own services, and return its final state. Prefect is tested elsewhere."""

    async def run() -> State[None]:
        with without_prefect():
            ended: State[None] = await flow.fn(**parameters)
            return ended

    return asyncio.run(run())


def claims_lapse(world: World, person: Person) -> None:
    """Let ten minutes pass: claims of an unfinished run expire."""
    for claim, table in (("claimed_until", "data_retention_jobs"), ("anonymizing_until", "cancellation_requests")):
        lapse = f"UPDATE {table} SET {claim} = now() WHERE user_id = %s AND {claim} IS NOT NULL"
        world.admin.execute(lapse.encode(), [person.user_id])


def later_job(world: World, person: Person) -> int:
    """Create a job for another subscription of this customer that ends now, and return its id."""
    made = world.row(
        "INSERT INTO data_retention_jobs (request_id, user_id, subscription_id, cancel_at, run_at)"
        " VALUES (gen_random_uuid(), %s, 'sub_' || gen_random_uuid(), now(), now() + interval '90 days') RETURNING id",
        person.user_id,
    )
    return int(made["id"])
