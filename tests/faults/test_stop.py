"""A clean stop: every waiting caller gets a response, and another trigger resumes unfinished work, once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import cycle

import httpx
import psycopg
import pytest

from tests.faults.branches import ACCEPT, CANCEL, wrong_effects
from tests.faults.crowd import CANCEL as CANCELLING
from tests.faults.crowd import Crowd
from tests.faults.topic import Topic, subscribed
from tests.faults.triggers import Trigger, Triggers
from tests.faults.watch import Watch
from tests.faults.wires import wired
from tests.faults.wires_line import Fault
from tests.waiting import eventually
from tests.world import Person, World

pytestmark = pytest.mark.slow

FINISH_SECONDS = 300.0
RESPONSE_SECONDS = 60.0
CALLERS = 12
WAITING = 20  # more than a trigger runs concurrently


@pytest.fixture(scope="module")
def topic(world: World) -> Iterator[Topic]:
    with subscribed() as topic:
        yield topic


def test_an_idle_trigger_stops(triggers: Triggers) -> None:
    with triggers.started() as trigger:
        trigger.terminate()

        assert trigger.wait() == 0


@pytest.mark.parametrize("signals", [1, 2])
def test_waiting_callers_get_their_responses_and_new_ones_are_refused(
    world: World, triggers: Triggers, topic: Topic, signals: int
) -> None:
    waiting = [(world.person("professional"), branch) for branch in (CANCEL, ACCEPT)]
    late = Crowd(world, 20)
    with triggers.started() as trigger, ThreadPoolExecutor() as threads, ExitStack() as faults:
        slow = [faults.enter_context(_slow(world, person.subscription_id)) for person, _ in waiting]
        asking = [threads.submit(trigger.post, person, **branch.body) for person, branch in waiting]
        eventually(lambda: all(hits() for hits in slow))
        for _ in range(signals):
            trigger.terminate()
        received = _post_until_refused(trigger, late.people)
        responses = [each.result() for each in asking]

        assert trigger.wait() == 0

    assert [response.status_code for response in responses] == [200, 200]
    with Watch(world) as watch:
        for person, _ in waiting:
            watch.add(person)
        watch.until_done(FINISH_SECONDS)
    for person, branch in waiting:
        assert wrong_effects(world, person, branch, topic.events_of(person.user_id)) == []
    # Between the signal and the closed port an intent is still stored, with a 202 response.
    assert set(received) <= {202, 503}
    assert len(received) < len(late.people)
    assert len(late.requests()) == received.count(202)


def test_a_request_that_does_not_end_in_time_is_resumed_by_another_trigger(
    world: World, triggers: Triggers, topic: Topic
) -> None:
    person, crowd = world.person("professional"), Crowd(world, WAITING)
    with (
        wired("smtp") as wires,
        triggers.started(**wires.settings()) as trigger,
        ThreadPoolExecutor(1 + WAITING) as threads,
        ExitStack() as faults,
        Watch(world) as watch,
    ):
        wires.fail("smtp", Fault.BLACK_HOLE)
        faults.enter_context(_held(world, person))
        faults.enter_context(_slow(world, *(each.subscription_id for each in crowd.people)))
        asking = [threads.submit(trigger.post, person, **CANCEL.body)]
        begun = "SELECT id FROM cancellation_requests WHERE runs = 1 AND user_id = %s"
        eventually(lambda: world.rows(begun, person.user_id))
        asking += [threads.submit(_post, trigger, each) for each in crowd.people]
        eventually(lambda: len(crowd.requests()) == WAITING)
        trigger.terminate()
        statuses = [each.result().status_code for each in asking]

        assert trigger.wait() == 0
        watch.add(person)
        faults.close()
        watch.until_done(FINISH_SECONDS)
        crowd.until_done(FINISH_SECONDS)
        [request] = world.rows("SELECT runs FROM cancellation_requests WHERE user_id = %s", person.user_id)

    assert statuses[0] == 202
    assert set(statuses) <= {200, 202}
    assert request["runs"] > 1
    assert wrong_effects(world, person, CANCEL, topic.events_of(person.user_id)) == []
    assert crowd.wrong(topic) == []


def test_no_caller_gets_an_error_when_one_of_several_triggers_stops_under_load(
    world: World, triggers: Triggers, topic: Topic
) -> None:
    crowd = Crowd(world, 45)
    with ExitStack() as running, ThreadPoolExecutor(CALLERS) as threads:
        one, *others = [running.enter_context(triggers.started()) for _ in range(3)]
        turns = zip(crowd.people, cycle([one, *others]), cycle(others), strict=False)
        asking = [threads.submit(_ask, world, person, *to) for person, *to in turns]
        eventually(lambda: crowd.answered() > CALLERS)
        one.terminate()
        statuses = [each.result() for each in asking]

        assert one.wait() == 0
        crowd.until_done(FINISH_SECONDS)

    assert set(statuses) <= {200, 202}
    assert crowd.wrong(topic) == []


def _ask(world: World, person: Person, *triggers: Trigger) -> int:
    """Send it on a new connection, as through a load balancer: to the next trigger if one refuses."""
    for trigger in triggers:
        try:
            return _post(trigger, person).status_code
        except httpx.ConnectError:
            continue
        except httpx.TransportError:  # the connection was accepted, but nothing was read from it
            asked = world.rows("SELECT id FROM cancellation_requests WHERE user_id = %s", person.user_id)
            assert asked == [], "a request was received, and its caller got no response"
    raise AssertionError("every trigger refuses connections")


def _post_until_refused(trigger: Trigger, people: list[Person]) -> list[int]:
    """Return the statuses of requests sent one after the other, until the connection is refused."""
    statuses = []
    for person in people:
        try:
            statuses.append(_post(trigger, person).status_code)
        except httpx.ConnectError:
            break
        except httpx.TransportError:
            continue
    return statuses


def _post(trigger: Trigger, person: Person) -> httpx.Response:
    return httpx.post(
        f"{trigger.url}/cancel-subscription",
        json={"user_id": person.user_id, **CANCELLING},
        headers=person.headers,
        timeout=RESPONSE_SECONDS,
    )


@contextmanager
def _held(world: World, person: Person) -> Iterator[None]:
    """Lock the person's row: a request can't finish before the end of the block, however fast or slow the machine."""
    with psycopg.connect(world.addresses["database_admin_url"]) as connection:
        connection.execute("SELECT FROM subscriptions WHERE id = %s FOR UPDATE", [person.subscription_id])
        yield
        connection.rollback()


def _slow(world: World, *ids: str, method: str = "POST") -> AbstractContextManager[Callable[[], int]]:
    return world.simulator.fault(kind="delay", method=method, path="|".join(ids), seconds=2.0, times=0)
