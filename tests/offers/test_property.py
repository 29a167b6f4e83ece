"""Random stories of one customer: our row, Stripe, and what the customer was last told agree after every step.

Also, no request is left unfinished, 200 has exactly one effect in Stripe and a refusal none, and the next charge that
`GET /subscription` names is the next one that Stripe makes.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as some

from deployments.local.stack import FOR_A_CANCELLATION, Stack
from tests.conftest import OUTSIDE
from tests.offers.catalog import CATALOG, every_price
from tests.offers.company import Company, at
from tests.offers.story import STEPS, Story
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Start a stack whose only trigger has the catalogue of offers, so that it handles Stripe's events with it too."""
    directory = tmp_path_factory.mktemp("property")
    catalog = directory / "catalog.yaml"
    catalog.write_text(CATALOG, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OUTSIDE)}
    environment["CATALOG"] = str(catalog)
    with (
        Stack(directory / "stack", environment=environment, parts=FOR_A_CANCELLATION, progress=lambda _: None) as stack,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in stack.environment.items():
            patch.setenv(name, value)
        world = World(dict(stack.addresses))
        every_price(world)
        yield Company(world, world.http)
        world.close()


# A story takes seconds, so a failing one is shown as it is, not made shorter first.
@settings(max_examples=10, database=None, phases=(Phase.generate,))
@given(
    unit=some.sampled_from(["month", "week", "year"]),
    trial_days=some.sampled_from([None, 20]),
    steps=some.lists(some.tuples(some.sampled_from(sorted(STEPS)), some.integers(0, 59)), min_size=5, max_size=10),
)
def test_row_stripe_and_customer_agree(
    company: Company, unit: str, trial_days: int | None, steps: list[tuple[str, int]]
) -> None:
    clock = company.clock(at(2027, 1, 15, 9))
    story = Story(company, company.customer(unit=unit, on=clock, trial_days=trial_days), clock)
    try:
        for step, pick in steps:
            story.take(step, pick)
        story.past_the_next_charge()
    finally:
        note("\n".join(story.told))
