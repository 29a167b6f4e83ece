"""Whatever happens in whatever order: no call without consent at its time, none twice, and none over the limit."""

import asyncio
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.call_customer import call_customer
from tests.calls.company import Company
from tests.waiting import eventually
from tests.world import Person, Row

pytestmark = pytest.mark.slow

# What the customer does, what the vendor responds from then on, and a run of the flow.
STEPS = some.lists(some.sampled_from(["accept", "accept an old wording", "revoke", 204, 503, "run", "run"]), max_size=8)


@pytest.fixture(scope="module")
def person(company: Company) -> Person:
    return company.leaver()


@given(steps=STEPS)
@settings(max_examples=15)
def test_no_call_is_ever_sent_without_consent_at_its_time(
    company: Company, person: Person, steps: list[str | int]
) -> None:
    company.world.admin.execute(
        """UPDATE calls SET state = 'waiting', gate = NULL, due_at = now() + interval '1 day', attempts = 0,
            tried_at = NULL, placed_at = NULL WHERE user_id = %s""",
        [person.user_id],
    )
    company.consents(person, None)
    agrees, decided = False, False
    company.vendor.status = 204
    for step in steps:
        before = sent(company, person)
        if isinstance(step, int):
            company.vendor.status = step
        elif step == "run":
            state = company.calls(person, call_attempts=20)["state"]
            assert sent(company, person) - before == (agrees and not decided)
            decided = decided or not agrees or company.vendor.status == 204
            assert (state == "waiting") is not decided
        else:
            company.consents(person, {"accept": 2, "accept an old wording": 1, "revoke": None}[step])
            agrees = step == "accept"


def sent(company: Company, person: Person) -> int:
    """Return how often the vendor was sent the customer's call, whether it accepted it or not."""
    call_id = str(company.id_of(person))
    return [each.id for each in company.vendor.accepted + company.vendor.refused].count(call_id)


def test_the_daily_limit_holds_for_concurrent_runs(company: Company) -> None:
    ids = [company.id_of(company.leaver()) for _ in range(6)]
    states = eventually(lambda: states_with_two_left(company, ids))
    assert sorted(states) == ["placed"] * 2 + ["waiting"] * 4


def states_with_two_left(company: Company, ids: list[UUID]) -> list[str]:
    """Run the flow for all of these concurrently, with two calls left on the day; none if midnight passed meanwhile."""
    company.world.admin.execute(
        """UPDATE calls SET state = 'waiting', gate = NULL, due_at = now() + interval '1 day', tried_at = NULL,
            placed_at = NULL WHERE id = ANY (%s)""",
        [ids],
    )
    day = today(company)

    async def together() -> State[None]:
        await asyncio.gather(*(call_customer.fn(each) for each in ids))
        return Completed()

    company.run(together(), calls_per_day=day["tried"] + 2)
    states = [row["state"] for row in company.world.rows("SELECT state FROM calls WHERE id = ANY (%s)", ids)]
    return states if today(company)["midnight"] == day["midnight"] else []


def today(company: Company) -> Row:
    """Return when the day began, in UTC, and how many calls were tried on it."""
    return company.world.row(
        """SELECT midnight, (SELECT count(*) FROM calls WHERE tried_at >= midnight) AS tried
        FROM date_trunc('day', now(), 'UTC') AS midnight"""
    )
