"""A user's attempts are limited across triggers, and allowed again after the wait that the response names."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from nodes.settings import PolicySettings
from tests.faults.triggers import Trigger, Triggers
from tests.world import Person, World

pytestmark = pytest.mark.slow

Attempt = Callable[[Trigger, Person], httpx.Response]

LIMIT = 5
CONCURRENT = 12
AN_HOUR, A_MINUTE = 3600, 60
ACCEPTED = (200, 202)


@pytest.fixture(scope="module")
def two(triggers: Triggers) -> Iterator[tuple[Trigger, Trigger]]:
    limit = str(LIMIT)
    with triggers.started(ATTEMPTS_PER_MINUTE=limit) as one, triggers.started(ATTEMPTS_PER_MINUTE=limit) as other:
        yield one, other


def without_reason(trigger: Trigger, person: Person) -> httpx.Response:
    return trigger.post(person)


def cancel(trigger: Trigger, person: Person) -> httpx.Response:
    return trigger.cancel(person)


def unreadable(trigger: Trigger, person: Person) -> httpx.Response:
    return trigger.http.post("/cancel-subscription", content=b"{", headers=person.headers)


def for_another_user(trigger: Trigger, person: Person) -> httpx.Response:
    body = {"user_id": "another"}
    return trigger.http.post("/reactivate-subscription", json=body, headers=person.headers)


ATTEMPTS: dict[Callable[[Trigger, Person], httpx.Response], int] = {
    without_reason: 400,
    unreadable: 400,
    for_another_user: 403,
}


def hold(world: World, person: Person) -> None:
    """Keep the user's minute from ending during the test, even on a slow machine."""
    world.admin.execute(
        "UPDATE attempts SET since = since + make_interval(secs => %s) WHERE user_id = %s", [AN_HOUR, person.user_id]
    )


def pass_time(world: World, person: Person, seconds: int) -> None:
    world.admin.execute(
        "UPDATE attempts SET since = since - make_interval(secs => %s) WHERE user_id = %s", [seconds, person.user_id]
    )


def use_up(world: World, trigger: Trigger, person: Person) -> None:
    """Make as many attempts as the limit allows, of every kind in turn."""
    kinds = [*ATTEMPTS.items()]
    for number in range(LIMIT):
        attempt, status = kinds[number % len(kinds)]
        assert attempt(trigger, person).status_code == status
        if number == 0:
            hold(world, person)


def rows(world: World, person: Person) -> dict[str, int]:
    tables = ("cancellation_requests", "reactivation_requests", "audit_log")
    return {table: len(world.belongings(person.user_id)[table]) for table in tables}


def test_the_limit_is_shared_by_triggers_and_by_all_kinds_of_attempts(
    world: World, two: tuple[Trigger, Trigger]
) -> None:
    person, neighbour = world.person("professional"), world.person("professional")
    use_up(world, two[0], person)
    before = rows(world, person)

    for trigger in two:
        for attempt in (*ATTEMPTS, cancel):
            response = attempt(trigger, person)
            assert response.status_code == 429
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["type"] == "urn:cancelflow:problem:too-many-attempts"
            assert A_MINUTE < int(response.headers["Retry-After"]) <= AN_HOUR + A_MINUTE

    # Any number of refusals adds a single audit row.
    assert rows(world, person) == {**before, "audit_log": before["audit_log"] + 1}
    refused = "SELECT http_status FROM audit_log WHERE user_id = %s AND problem = 'too-many-attempts'"
    assert world.rows(refused, person.user_id) == [{"http_status": 429}]
    assert two[0].http.get("/subscription", headers=person.headers).status_code == 200
    assert two[0].cancel(neighbour).status_code in ACCEPTED


def test_a_user_who_waits_for_retry_after_can_try_again(world: World, two: tuple[Trigger, Trigger]) -> None:
    person = world.person("professional")
    use_up(world, two[0], person)
    wait = int(two[1].cancel(person).headers["Retry-After"])

    pass_time(world, person, wait - AN_HOUR // 2)
    assert two[1].cancel(person).status_code == 429
    pass_time(world, person, AN_HOUR // 2)

    assert two[1].cancel(person).status_code in ACCEPTED
    assert world.belongings(person.user_id)["attempts"][0]["counted"] == 1


def test_no_more_concurrent_attempts_are_accepted_than_the_limit_allows(
    world: World, two: tuple[Trigger, Trigger]
) -> None:
    person = world.person("professional")
    assert without_reason(two[0], person).status_code == 400
    hold(world, person)

    with ThreadPoolExecutor(CONCURRENT) as threads:
        responses = list(threads.map(lambda number: without_reason(two[number % 2], person), range(CONCURRENT)))

    statuses = sorted(response.status_code for response in responses)
    assert statuses == [400] * (LIMIT - 1) + [429] * (CONCURRENT - LIMIT + 1)
    assert len(world.belongings(person.user_id)["cancellation_requests"]) == LIMIT


def test_the_minute_is_measured_by_the_databases_clock(world: World) -> None:
    """In one transaction, in which PostgreSQL's clock stands still."""
    counted = "SELECT count_attempt('somebody', 'test', 1, '{\"too-many-attempts\": {\"status\": 429}}') AS wait"
    moved = "UPDATE attempts SET since = now() - make_interval(secs => %s) WHERE user_id = 'somebody'"
    with world.admin.transaction(force_rollback=True):
        waits = [world.row(counted)["wait"], world.row(counted)["wait"]]
        for seconds in (0.5, 59.5, 60):
            world.admin.execute(moved, [seconds])
            waits.append(world.row(counted)["wait"])
    assert waits == [None, 60, 60, 1, None]


def test_the_limit_is_60_by_default_and_can_be_switched_off(world: World, triggers: Triggers) -> None:
    person = world.person("professional")
    assert PolicySettings.model_fields["attempts_per_minute"].default == A_MINUTE
    with triggers.started(ATTEMPTS_PER_MINUTE="0") as trigger:
        assert without_reason(trigger, person).status_code == 400
    assert world.belongings(person.user_id)["attempts"] == []
