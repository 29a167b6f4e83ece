"""More requests at once than a trigger has places: each is answered in time, and all are done in the end, once each."""

import time
from concurrent.futures import ThreadPoolExecutor

from tests.waiting import eventually
from tests.world import Person, World

REQUESTS = 40
ANSWER_SECONDS = 10.0


def test_a_burst_is_answered_in_time_and_done_in_the_end(world: World) -> None:
    people = [world.person("professional") for _ in range(REQUESTS)]

    def ask(person: Person) -> tuple[int, float]:
        began = time.monotonic()
        return world.cancel(person).status_code, time.monotonic() - began

    with ThreadPoolExecutor(REQUESTS) as pool:
        answers = list(pool.map(ask, people))

    assert {status for status, _ in answers} <= {200, 202}
    assert max(seconds for _, seconds in answers) < ANSWER_SECONDS
    users = [person.user_id for person in people]
    eventually(
        lambda: (
            not world.rows(
                "SELECT id FROM cancellation_requests WHERE user_id = ANY(%s::uuid[]) AND outcome IS NULL", users
            )
        ),
        within=90,
    )
    outcomes = world.rows("SELECT outcome FROM cancellation_requests WHERE user_id = ANY(%s::uuid[])", users)
    assert [row["outcome"] for row in outcomes] == ["pending_cancellation"] * REQUESTS
    assert all(len(world.simulator.writes(person.subscription_id)) == 1 for person in people)
