"""`kill -9` beside each effect of an immediate cancellation: the refund is as decided, and made once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.acceptance.leaving import DAY, Company, new_mark, written
from tests.faults.triggers import Triggers
from tests.faults.unfinished import when_done
from tests.faults.wires import wired
from tests.faults.wires_line import When
from tests.world import World

pytestmark = pytest.mark.slow

# From the decision on: the stack's own trigger, which resumes the request, has another catalogue.
DECIDED, ENDED, REFUNDED = "cancellation_terms", "DELETE /v1/subscriptions/{id}", "POST /v1/credit_notes"
POINTS = [
    (DECIDED, When.AFTER),
    (ENDED, When.BEFORE),
    (ENDED, When.AFTER),
    (REFUNDED, When.BEFORE),
    (REFUNDED, When.AFTER),
    (f"{DECIDED} #2", When.BEFORE),
    (f"{DECIDED} #2", When.AFTER),
    ("cancellation_scheduled", When.BEFORE),
]
REACH_SECONDS = 60.0


@pytest.fixture(scope="module")
def ours(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Company, str]]:
    """Yield the company and its catalogue; each point has a trigger of its own."""
    mark = new_mark()
    with httpx.Client() as unused:
        yield Company(world, mark, unused), written(tmp_path_factory.mktemp("company"), mark)


@pytest.mark.parametrize(("effect", "when"), POINTS)
def test_a_killed_cancellation_refunds_once(
    world: World, triggers: Triggers, ours: tuple[Company, str], effect: str, when: When
) -> None:
    company, catalog = ours
    on, person = company.customer_after("prorated", 10 * DAY)
    with wired(alone=True) as wires:
        stop = wires.freeze_at(effect, when)
        with (
            triggers.started(CATALOG=catalog, **wires.settings()) as trigger,
            ThreadPoolExecutor(1) as threads,
        ):
            asking = threads.submit(trigger.cancel, person)
            assert stop.reached.wait(REACH_SECONDS), f"it was not reached, only {wires.effects}"
            trigger.kill()
            assert isinstance(asking.exception(), httpx.TransportError)
    [request] = world.belongings(person.user_id)["cancellation_requests"]
    [part] = request["terms"]["refund"]["parts"]
    on.advance(on.now + 3 * DAY)

    done = when_done(world, request["id"])

    assert done["outcome"] == "canceled"
    assert [each["amount"] for each in company.notes(person)] == [part["amount"]]
    assert done["response"]["refund"]["amount"] == part["amount"]
    assert len(world.emails(person)) == 1
